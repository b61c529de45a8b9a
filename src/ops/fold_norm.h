#pragma once

#include "graph/operation.h"

namespace equipoise {

/// Weights of a convolution or linear layer that does what it and the batch normalization behind it
/// did with running statistics (Jacob et al. 2018, equation 14):
///
///     folded_weight[o,…] = a·weight[o,…]       a = γ[o] / √(var[o] + ε)
///     folded_bias[o] = β[o] + a·(bias[o] − mean[o])
///
/// weight (O, …); bias, gamma, beta, mean and var (O), of which bias and β absent mean 0, γ 1.
class FoldNorm final : public Operation {
 public:
  enum Input { kWeight, kBias, kGamma, kBeta, kMean, kVar };
  enum Output { kFoldedWeight, kFoldedBias };

  explicit FoldNorm(double epsilon) : epsilon_(epsilon) {}
  double epsilon() const { return epsilon_; }

  std::string_view type() const override { return "fold_norm"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  double epsilon_;
};

}  // namespace equipoise
