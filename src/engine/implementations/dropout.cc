/// Dropout and stochastic depth. What is kept depends on logical places, so it is the same in every
/// layout.

#include "ops/dropout.h"

#include <cmath>
#include <cstdint>

#include "base/parallel.h"
#include "base/random.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

struct Keeping {
  std::uint64_t stream;
  /// uniform(word) ≥ probability if and only if word / 2⁸ ≥ threshold: both are integers of 24
  /// bits.
  std::uint32_t threshold;
  float scale;

  explicit Keeping(const Dropout& operation)
      : stream(operation.stream()),
        threshold(static_cast<std::uint32_t>(std::ceil(operation.probability() * 0x1p24))),
        scale(static_cast<float>(1 / (1 - operation.probability()))) {}

  bool keeps(std::uint32_t word) const { return word >> 8U >= threshold; }
};

class ElementDropout final : public Kernel {
 public:
  ElementDropout(const Keeping& keeping, const Shape& x, Layout layout, int threads)
      : keeping_(keeping),
        planes_(planes_of(x, layout)),
        channels_(x.channels()),
        threads_(threads) {
    if (layout == Layout::kChannelsFirst) {
      planes_ = {.planes = 1, .positions = x.element_count(), .lanes = 1};
      channels_ = 1;
    }
    planes_per_sample_ = ceil_div(channels_, planes_.lanes);
  }

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(Dropout::kX);
    float* const y = arguments.output(0);
    const std::uint64_t key = arguments.run.random_key ^ keeping_.stream;
    // Lanes of one cache line to a task: it stays in the cache from lane to lane.
    constexpr std::int64_t kLanes = 16;
    const std::int64_t groups = ceil_div(planes_.lanes, kLanes);
    const std::int64_t tiles = ceil_div(planes_.positions, kTile);
    parallel_for(planes_.planes * groups * tiles, threads_, [&](std::int64_t task, int) {
      const std::int64_t tile = task % tiles;
      const std::int64_t group = task / tiles % groups;
      const std::int64_t plane = task / tiles / groups;
      const std::int64_t last = std::min((group + 1) * kLanes, planes_.lanes);
      for (std::int64_t lane = group * kLanes; lane < last; ++lane) {
        run_lane(x, y, key, plane, lane, tile * kTile,
                 std::min((tile + 1) * kTile, planes_.positions));
      }
    });
  }

 private:
  /// Positions first … last − 1 of one channel of one sample (or of the whole tensor if it is
  /// row-major).
  void run_lane(const float* x, float* y, std::uint64_t key, std::int64_t plane, std::int64_t lane,
                std::int64_t first, std::int64_t last) const {
    const std::int64_t offset = plane * planes_.plane_size() + lane;
    const std::int64_t channel = plane % planes_per_sample_ * planes_.lanes + lane;
    if (channel >= channels_) {
      for (std::int64_t s = first; s < last; ++s) y[offset + s * planes_.lanes] = 0;
      return;
    }
    const std::int64_t sample = plane / planes_per_sample_;
    auto place =
        static_cast<std::uint64_t>((sample * channels_ + channel) * planes_.positions + first);
    for (std::int64_t s = first; s < last;) {
      // Four neighbours share a draw.
      const auto words = philox(key, place / 4);
      for (; s < last; ++s) {
        const std::int64_t i = offset + s * planes_.lanes;
        y[i] = keeping_.keeps(words[place % 4]) ? x[i] * keeping_.scale : 0.0F;
        if (++place % 4 == 0) {
          ++s;
          break;
        }
      }
    }
  }

  Keeping keeping_;
  Planes planes_;
  std::int64_t channels_;
  std::int64_t planes_per_sample_ = 1;
  int threads_;
};

class SampleDropout final : public Kernel {
 public:
  SampleDropout(const Keeping& keeping, const Shape& x, Layout layout, int threads)
      : keeping_(keeping),
        samples_(x.samples()),
        size_(samples_ == 0 ? 0 : storage_elements(x, layout) / samples_),
        threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(Dropout::kX);
    float* const y = arguments.output(0);
    const std::uint64_t key = arguments.run.random_key ^ keeping_.stream;
    const std::int64_t tiles = ceil_div(size_, kTile);
    parallel_for(samples_ * tiles, threads_, [&](std::int64_t task, int) {
      const auto sample = static_cast<std::uint64_t>(task / tiles);
      const std::int64_t first = task / tiles * size_ + task % tiles * kTile;
      const std::int64_t last = std::min(first + kTile, (task / tiles + 1) * size_);
      if (keeping_.keeps(philox(key, sample / 4)[sample % 4])) {
        for (std::int64_t i = first; i < last; ++i) y[i] = x[i] * keeping_.scale;
      } else {
        std::fill(y + first, y + last, 0.0F);
      }
    });
  }

 private:
  Keeping keeping_;
  std::int64_t samples_;
  std::int64_t size_;
  int threads_;
};

}  // namespace

Answer dropout(const NodeContext& node) {
  const Keeping keeping(static_cast<const Dropout&>(*node.node.operation));
  const Format format = activation_format(node, Dropout::kX);
  Proposal proposal = in_layout(
      node, format,
      std::make_unique<ElementDropout>(keeping, node.input(0), format.layout, node.threads));
  proposal.in_place = {{0, Dropout::kX}};
  return proposal;
}

Answer stochastic_depth(const NodeContext& node) {
  const Keeping keeping(static_cast<const Dropout&>(*node.node.operation));
  const Format format = activation_format(node, Dropout::kX);
  Proposal proposal = in_layout(
      node, format,
      std::make_unique<SampleDropout>(keeping, node.input(0), format.layout, node.threads));
  proposal.in_place = {{0, Dropout::kX}};
  return proposal;
}

}  // namespace equipoise::engine
