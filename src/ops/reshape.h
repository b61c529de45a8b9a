#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y has the elements of x in row-major order and the given shape, which is batched if x is:
/// samples stay samples.
class Reshape final : public Operation {
 public:
  explicit Reshape(const GraphShape& shape) : shape_(shape) {}
  const GraphShape& shape() const { return shape_; }

  std::string_view type() const override { return "reshape"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  GraphShape shape_;
};

}  // namespace equipoise
