#pragma once

#include "graph/operation.h"

namespace equipoise {

/// norm = √(Σ g²) over all elements of all gradients, of any shapes.
class GradientNorm final : public Operation {
 public:
  std::string_view type() const override { return "gradient_norm"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
