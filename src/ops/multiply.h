#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y = a · b, element by element; shapes broadcast as NumPy's do.
class Multiply final : public Operation {
 public:
  enum Input { kA, kB };

  std::string_view type() const override { return "multiply"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
