#pragma once

#include <cmath>
#include <cstdint>
#include <span>

#include "equipoise/norm.h"
#include "norm/affine.h"
#include "norm/record.h"
#include "norm/walk.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Whether statistics are so large that coefficients of the gradient (∝ rstd²) would vanish in f32
/// or, at the end of its range, x − m overflow where z does not: then, and only then, kernels work
/// in units of 2^110.
inline bool is_extreme(double mean, double rstd) {
  return rstd < 0x1p-50 || (std::abs(mean) > 0x1p100 && rstd < 1);
}

/// One value per lane of consecutive blocks, `walk.padded_width()` floats each.
class LaneValues {
 public:
  LaneValues() = default;
  LaneValues(const Walk& walk, std::int64_t blocks, Workspace::Arena& arena);

  /// Of the block that is the i-th of those it was made for.
  float* block(std::int64_t i) const { return data_ + i * width_; }
  /// Puts the values of `count` channels, from the c-th of those blocks on, in all their lanes.
  void set(const Walk& walk, std::int64_t c, const float* values, std::int64_t count) const;

 private:
  float* data_ = nullptr;
  std::int64_t width_ = 0;
};

/// Channels are treated so many at a time, side by side in vectors.
inline constexpr std::int64_t kChannelChunk = 64;

/// The statistics of consecutive channels of a record: those of their groups.
struct ChannelStatistics {
  std::int64_t count;
  bool renorm;
  double mean[kChannelChunk];
  double rstd[kChannelChunk];
  double r[kChannelChunk];
  double d[kChannelChunk];

  /// From the `in_group`-th channel of a group on.
  ChannelStatistics(const NormRecord::State& state, std::int64_t group, std::int64_t in_group,
                    std::int64_t channels);
};

/// a, m and b of kernels 2 to 4 for the blocks of a unit.
struct LaneCoefficients {
  LaneValues a, m, b, scale;

  LaneCoefficients() = default;
  LaneCoefficients(const Walk& walk, std::int64_t blocks, Workspace::Arena& arena)
      : a(walk, blocks, arena),
        m(walk, blocks, arena),
        b(walk, blocks, arena),
        scale(walk, blocks, arena) {}

  /// Forms those of the unit's channels from the c-th on. Forward and backward call it with the
  /// same arguments, so that z comes out the same. Returns whether some are extreme.
  bool form(const Walk& walk, std::int64_t c, const ChannelStatistics& statistics,
            const float* gamma, const float* beta) const;

  /// `extreme`: some of the unit's are.
  Coefficients of_block(std::int64_t i, bool extreme) const {
    return {a.block(i), m.block(i), b.block(i), extreme ? scale.block(i) : nullptr};
  }
};

/// The values, or one `otherwise` per channel where there are none.
std::span<const float> or_constant(std::span<const float> values, float otherwise,
                                   std::int64_t channels, Workspace::Arena& arena);

/// Fills mean, rstd, r and d of group g from its batch moments (unless running statistics are used)
/// as options say.
void set_statistics(const BatchNormOptions& options, double batch_share, std::int64_t channel,
                    std::int64_t g, NormRecord::State& state);

}  // namespace equipoise::norm
