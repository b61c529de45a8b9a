#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y = x₀ + x₁ + …, all of one shape: what gradients of a tensor that several nodes read need. Adds
/// from left to right.
class Sum final : public Operation {
 public:
  std::string_view type() const override { return "sum"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
};

}  // namespace equipoise
