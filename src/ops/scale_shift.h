#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y = scale · x + factor · shift; x (N, C, H, W), scale and shift (N, C, 1, 1). What the gradient
/// of a squeeze-excitation comes to: dy · scale, and from the average of x, dpool / (H·W) at each
/// position.
class ScaleShift final : public Operation {
 public:
  enum Input { kX, kScale, kShift };

  explicit ScaleShift(double factor) : factor_(factor) {}
  double factor() const { return factor_; }

  std::string_view type() const override { return "scale_shift"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  double factor_;
};

}  // namespace equipoise
