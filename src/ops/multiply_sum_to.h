#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y = Σ a · b over the dimensions along which a tensor of the given shape would be repeated to
/// fill a and b, which are of one shape: the gradient of a factor that was broadcast, such as the
/// scale of squeeze-excitation, without the product in memory.
class MultiplySumTo final : public Operation {
 public:
  enum Input { kA, kB };

  explicit MultiplySumTo(const GraphShape& shape) : shape_(shape) {}

  std::string_view type() const override { return "multiply_sum_to"; }
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
