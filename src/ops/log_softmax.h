#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y[…,i] = x[…,i] − log Σ e^x[…,j] over the last dimension.
class LogSoftmax final : public Operation {
 public:
  std::string_view type() const override { return "log_softmax"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dx[…,i] = dy[…,i] − e^y[…,i]·Σ dy[…,j]: y, dy → dx, all of one shape.
class LogSoftmaxGradient final : public Operation {
 public:
  enum Input { kY, kDY };

  std::string_view type() const override { return "log_softmax_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
