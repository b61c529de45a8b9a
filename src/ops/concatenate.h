#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y is x₀, x₁, … side by side along one dimension, which is not batched; the others are equal.
class Concatenate final : public Operation {
 public:
  explicit Concatenate(int axis) : axis_(axis) {}
  int axis() const { return axis_; }

  std::string_view type() const override { return "concatenate"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  int axis_;
};

}  // namespace equipoise
