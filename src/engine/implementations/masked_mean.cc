/// Means over weighted positions of row-major sequences.

#include "ops/masked_mean.h"

#include <algorithm>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

/// (N, L, D)
struct Sequences {
  std::int64_t samples, length, features;
  int threads;

  Sequences(const Shape& x, int used_threads)
      : samples(x[0]), length(x[1]), features(x[2]), threads(used_threads) {}

  /// Features that one task has at most.
  static constexpr std::int64_t kFeatures = 64;

  /// Calls task(sample, its 1/Σ mask, first feature, last feature).
  template <class Task>
  void for_each_group(const float* mask, const Task& task) const {
    const std::int64_t groups = ceil_div(features, kFeatures);
    parallel_for(samples * groups, threads, [&](std::int64_t i, int) {
      const float* weights = mask + i / groups * length;
      const double total = sum_of(length, [&](std::int64_t l) { return weights[l]; });
      const std::int64_t first = i % groups * kFeatures;
      task(i / groups, 1 / total, first, std::min(first + kFeatures, features));
    });
  }
};

class Forward final : public Kernel {
 public:
  explicit Forward(const Sequences& x) : x_(x) {}

  void run(const Arguments& arguments) const override {
    const float* const mask = arguments.input(MaskedMean::kMask);
    x_.for_each_group(
        mask, [&](std::int64_t n, double share, std::int64_t first, std::int64_t last) {
          double sums[Sequences::kFeatures] = {};
          for (std::int64_t l = 0; l < x_.length; ++l) {
            const auto weight = static_cast<double>(mask[n * x_.length + l]);
            // A select: what does not count may be NaN, and NaN · 0 is NaN.
            if (weight == 0) continue;
            const float* x = arguments.input(MaskedMean::kX) + (n * x_.length + l) * x_.features;
            for (std::int64_t d = first; d < last; ++d) {
              sums[d - first] += weight * share * static_cast<double>(x[d]);
            }
          }
          float* y = arguments.output(0) + n * x_.features;
          for (std::int64_t d = first; d < last; ++d) y[d] = static_cast<float>(sums[d - first]);
        });
  }

 private:
  Sequences x_;
};

class Gradient final : public Kernel {
 public:
  explicit Gradient(const Sequences& x) : x_(x) {}

  void run(const Arguments& arguments) const override {
    const float* const mask = arguments.input(MaskedMeanGradient::kMask);
    x_.for_each_group(
        mask, [&](std::int64_t n, double share, std::int64_t first, std::int64_t last) {
          const float* dy = arguments.input(MaskedMeanGradient::kDY) + n * x_.features;
          for (std::int64_t l = 0; l < x_.length; ++l) {
            float* dx = arguments.output(0) + (n * x_.length + l) * x_.features;
            const auto weight = static_cast<double>(mask[n * x_.length + l]);
            const auto factor = static_cast<float>(weight * share);
            if (weight == 0) {
              std::fill(dx + first, dx + last, 0.0F);
            } else {
              for (std::int64_t d = first; d < last; ++d) dx[d] = factor * dy[d];
            }
          }
        });
  }

 private:
  Sequences x_;
};

}  // namespace

Answer masked_mean(const NodeContext& node) {
  const Sequences x(node.input(MaskedMean::kX), node.threads);
  return in_layout(node, {}, std::make_unique<Forward>(x));
}

Answer masked_mean_gradient(const NodeContext& node) {
  const Sequences x(node.output(0), node.threads);
  return in_layout(node, {}, std::make_unique<Gradient>(x));
}

}  // namespace equipoise::engine
