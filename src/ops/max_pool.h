#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y[n,c,h,w] = the largest x under the window at (h, w): x (N, C, H, W) → y (N, C, H′, W′). A NaN
/// is larger than anything. `count_padding` has no meaning: padding never wins.
class MaxPool final : public Operation {
 public:
  explicit MaxPool(const ops::PoolOptions& options) : options_(options) {}
  const ops::PoolOptions& options() const { return options_; }

  std::string_view type() const override { return "max_pool"; }
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

/// x, dy → dx: each dy goes to the x that was the largest under its window. Of equal ones that is
/// the first in row-major order, of several NaN the last, as in PyTorch.
class MaxPoolGradient final : public Operation {
 public:
  enum Input { kX, kDY };

  explicit MaxPoolGradient(const ops::PoolOptions& options) : options_(options) {}
  const ops::PoolOptions& options() const { return options_; }

  std::string_view type() const override { return "max_pool_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::PoolOptions options_;
};

}  // namespace equipoise
