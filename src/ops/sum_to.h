#pragma once

#include "graph/operation.h"

namespace equipoise {

/// The opposite of broadcasting: y, of the given shape, which broadcasts to that of x, has in each
/// element the sum of those elements of x that would have read it. Gradients of broadcast inputs
/// are made with it.
class SumTo final : public Operation {
 public:
  explicit SumTo(const GraphShape& shape) : shape_(shape) {}
  const GraphShape& shape() const { return shape_; }

  std::string_view type() const override { return "sum_to"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  GraphShape shape_;
};

}  // namespace equipoise
