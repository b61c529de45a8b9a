#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// With g = scale·gradient: m ← β₁·m + (1 − β₁)·g;  v ← β₂·v + (1 − β₂)·g²;  parameter ← (1 −
/// rate·weight_decay) ·parameter − rate·m̂/(√v̂ + ε), with m̂ = m/(1 − β₁^count) and v̂ = v/(1 −
/// β₂^count). Overwrites parameter, m and v, which have the gradient's shape. rate, count
/// and scale have one element; without scale it is 1.
class AdamWUpdate final : public Operation {
 public:
  enum Input { kParameter, kGradient, kExpAvg, kExpAvgSq, kRate, kCount, kScale };
  enum Output { kNewParameter, kNewExpAvg, kNewExpAvgSq };

  explicit AdamWUpdate(const ops::AdamWOptions& options) : options_(options) {}

  const ops::AdamWOptions& options() const { return options_; }

  std::string_view type() const override { return "adamw_update"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  int updates(int output) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::AdamWOptions options_;
};

}  // namespace equipoise
