/// Folded weights, row-major, with factors in f64.

#include "ops/fold_norm.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"

namespace equipoise::engine {
namespace {

class Fold final : public Kernel {
 public:
  Fold(double epsilon, const Shape& weight, int threads)
      : epsilon_(epsilon),
        channels_(weight[0]),
        per_channel_(weight[0] == 0 ? 0 : weight.element_count() / weight[0]),
        threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const auto* const weight = arguments.input(FoldNorm::kWeight);
    auto* const folded = arguments.output(FoldNorm::kFoldedWeight);
    auto* const folded_bias = arguments.output(FoldNorm::kFoldedBias);
    const auto value = [&](FoldNorm::Input i, std::int64_t o, double absent) {
      const auto* const values = arguments.input(i);
      return values == nullptr ? absent : static_cast<double>(values[o]);
    };
    constexpr std::int64_t kElements = 16384;
    const std::int64_t chunk =
        std::max<std::int64_t>(kElements / std::max<std::int64_t>(per_channel_, 1), 1);
    parallel_for_chunks(channels_, chunk, threads_, [&](std::int64_t first, std::int64_t last) {
      for (std::int64_t o = first; o < last; ++o) {
        const double a =
            value(FoldNorm::kGamma, o, 1) / std::sqrt(value(FoldNorm::kVar, o, 0) + epsilon_);
        for (std::int64_t i = o * per_channel_; i < (o + 1) * per_channel_; ++i) {
          folded[i] = static_cast<float>(a * static_cast<double>(weight[i]));
        }
        folded_bias[o] =
            static_cast<float>(value(FoldNorm::kBeta, o, 0) +
                               a * (value(FoldNorm::kBias, o, 0) - value(FoldNorm::kMean, o, 0)));
      }
    });
  }

 private:
  double epsilon_;
  std::int64_t channels_;
  std::int64_t per_channel_;
  int threads_;
};

}  // namespace

Answer fold_norm(const NodeContext& node) {
  const auto& operation = static_cast<const FoldNorm&>(*node.node.operation);
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.outputs.resize(node.node.outputs.size());
  proposal.kernel =
      std::make_unique<Fold>(operation.epsilon(), node.input(FoldNorm::kWeight), node.threads);
  return proposal;
}

}  // namespace equipoise::engine
