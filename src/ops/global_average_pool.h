#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y[n,c] = Σ x[n,c,h,w] / (H·W): x (N, C, H, W) → y (N, C, 1, 1).
class GlobalAveragePool final : public Operation {
 public:
  std::string_view type() const override { return "global_average_pool"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dx[n,c,h,w] = dy[n,c] / (H·W): dy (N, C, 1, 1) → dx (N, C, H, W).
class GlobalAveragePoolGradient final : public Operation {
 public:
  explicit GlobalAveragePoolGradient(ops::Pair image) : image_(image) {}
  /// {H, W} of x.
  ops::Pair image() const { return image_; }

  std::string_view type() const override { return "global_average_pool_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::Pair image_;
};

}  // namespace equipoise
