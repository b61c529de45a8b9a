#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y[…,o] = bias[o] + Σ weight[o,i]·x[…,i]: x (…, in) of at least 2 dimensions, weight (out, in),
/// bias (out) → y (…, out).
class Linear final : public Operation {
 public:
  enum Input { kX, kWeight, kBias };

  std::string_view type() const override { return "linear"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dx[…,i] = Σ weight[o,i]·dy[…,o]: weight, dy → dx (…, in).
class LinearDataGradient final : public Operation {
 public:
  enum Input { kWeight, kDY };

  std::string_view type() const override { return "linear_data_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dweight[o,i] = Σ x[…,i]·dy[…,o], and if wanted dbias[o] = Σ dy[…,o]: x, dy → dweight (out, in),
/// dbias (out).
class LinearWeightGradient final : public Operation {
 public:
  enum Input { kX, kDY };
  enum Output { kDWeight, kDBias };

  std::string_view type() const override { return "linear_weight_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
