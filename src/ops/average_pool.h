#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y[n,c,h,w] = Σ x under the window at (h, w) / count: x (N, C, H, W) → y (N, C, H′, W′). The
/// count is of the kernel if padding counts, else of the part of the window that lies in x.
class AveragePool final : public Operation {
 public:
  explicit AveragePool(const ops::PoolOptions& options) : options_(options) {}
  const ops::PoolOptions& options() const { return options_; }

  std::string_view type() const override { return "average_pool"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::PoolOptions options_;
};

/// dx[n,c,i,j] = Σ dy[n,c,h,w] / count over the windows that see (i, j): dy → dx (N, C, H, W).
/// Strides leave several sizes of x possible, so it is told which.
class AveragePoolGradient final : public Operation {
 public:
  AveragePoolGradient(const ops::PoolOptions& options, ops::Pair image)
      : options_(options), image_(image) {}
  const ops::PoolOptions& options() const { return options_; }
  /// {H, W} of x.
  ops::Pair image() const { return image_; }

  std::string_view type() const override { return "average_pool_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::PoolOptions options_;
  ops::Pair image_;
};

}  // namespace equipoise
