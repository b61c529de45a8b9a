#pragma once

#include "graph/operation.h"

namespace equipoise {

/// average ← average + weight·(x − average); with a weight of 1 it is x, whatever it was.
/// Overwrites average, which has the shape of x. weight has one element.
class AverageUpdate final : public Operation {
 public:
  enum Input { kAverage, kX, kWeight };

  std::string_view type() const override { return "average_update"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  int updates(int /*output*/) const override { return kAverage; }
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
