#pragma once

#include "graph/operation.h"

namespace equipoise {

/// loss = mean of (x − target)², for x and target of one shape.
class MeanSquaredError final : public Operation {
 public:
  enum Input { kX, kTarget };

  std::string_view type() const override { return "mean_squared_error"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
};

/// dx = dloss·2·(x − target)/count; that of the target is −dx.
class MeanSquaredErrorGradient final : public Operation {
 public:
  enum Input { kX, kTarget, kDLoss };

  std::string_view type() const override { return "mean_squared_error_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
};

}  // namespace equipoise
