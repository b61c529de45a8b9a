#pragma once

#include <cstdint>

#include "graph/operation.h"

namespace equipoise {

/// y[n,d] = Σ mask[n,l]·x[n,l,d] / Σ mask[n,l]: x (N, L, D), mask (N, L) of weights ≥ 0 → y (N, D).
/// Positions of weight 0 do not count, whatever stands there; y is 0 where there are no others. The
/// mask gets no gradient.
class MaskedMean final : public Operation {
 public:
  enum Input { kX, kMask };

  std::string_view type() const override { return "masked_mean"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dx[n,l,d] = mask[n,l]·dy[n,d] / Σ mask[n,l]: mask, dy → dx (N, L, D).
class MaskedMeanGradient final : public Operation {
 public:
  enum Input { kMask, kDY };

  std::string_view type() const override { return "masked_mean_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

}  // namespace equipoise
