#pragma once

#include <algorithm>
#include <cstdint>
#include <span>

#include "norm/affine.h"
#include "norm/record.h"
#include "norm/statistics.h"
#include "norm/units.h"
#include "norm/walk.h"

namespace equipoise::norm {

/// The samples that one pass works on: all of them, or a ghost batch. Knows which channels and
/// statistic groups belong to a unit; groups are numbered as in the record.
class SampleBlock {
 public:
  /// The block-th of those that the record's partition makes of the samples.
  SampleBlock(const NormRecord::State& state, std::int64_t block);
  static std::int64_t count(const NormRecord::State& state);

  bool across_samples() const { return state_.across_samples; }
  std::int64_t index() const { return block_; }
  std::int64_t first_sample() const { return first_sample_; }
  std::int64_t samples() const { return walk_.samples; }
  const Walk& walk() const { return walk_; }

  std::span<const float> weights(std::span<const float> position_weights) const {
    if (position_weights.empty()) return {};
    return position_weights.subspan(static_cast<std::size_t>(first_sample_ * walk_.positions),
                                    static_cast<std::size_t>(samples() * walk_.positions));
  }
  const void* data(const ConstTensorView& view) const {
    return at(view.data, view.dtype, first_sample_ * walk_.sample_stride);
  }
  void* data(const TensorView& view) const {
    return at(view.data, view.dtype, first_sample_ * walk_.sample_stride);
  }

  std::int64_t first_channel(const Unit& unit) const { return unit.l0 * walk_.block_channels; }
  std::int64_t last_channel(const Unit& unit) const {
    return std::min(unit.l1 * walk_.block_channels, walk_.channels);
  }
  std::int64_t group_count(const Unit& unit) const {
    return (last_channel(unit) - first_channel(unit)) / state_.partition.channels;
  }
  /// First channel of a unit's i-th group.
  std::int64_t channel_of(const Unit& unit, std::int64_t i) const {
    return first_channel(unit) + i * state_.partition.channels;
  }
  std::int64_t group_of(const Unit& unit, std::int64_t channel) const {
    const std::int64_t per_row = walk_.channels / state_.partition.channels;
    return (across_samples() ? block_ : unit.n0) * per_row + channel / state_.partition.channels;
  }

  std::int64_t first_group(const Unit& unit) const { return group_of(unit, first_channel(unit)); }

  /// Calls body(c, statistics) for the channels of the unit's groups [first, last), some at
  /// a time; c is the first.
  template <class Body>
  void for_channels(const Unit& unit, std::int64_t first, std::int64_t last, Body&& body) const {
    const std::int64_t end = channel_of(unit, last);
    for (std::int64_t c = channel_of(unit, first); c < end; c += kChannelChunk) {
      const std::int64_t count = std::min(kChannelChunk, end - c);
      body(c, ChannelStatistics(state_, group_of(unit, c), c % state_.partition.channels, count));
    }
  }

  /// The coefficients of those channels; returns whether some are extreme.
  bool form(const Unit& unit, std::int64_t first, std::int64_t last, std::span<const float> gamma,
            std::span<const float> beta, const LaneCoefficients& out) const {
    bool extreme = false;
    for_channels(unit, first, last, [&](std::int64_t c, const ChannelStatistics& statistics) {
      extreme |=
          out.form(walk_, c - first_channel(unit), statistics, gamma.data() + c, beta.data() + c);
    });
    return extreme;
  }

  /// The tile of a task of Strips; what kernels 2 to 4 have to know of it, but for coefficients.
  TileRange range(const Unit& unit, const Strips::Task& task) const {
    return walk_.tile(unit.n0, unit.n1, task.t);
  }
  Tile tile(const TileRange& range, const Strips::Task& task) const;

 private:
  const NormRecord::State& state_;
  std::int64_t block_;
  std::int64_t first_sample_;
  Walk walk_;
};

/// Work on the groups of a unit is handed out in chunks of so many.
inline constexpr std::int64_t kGroupChunk = 64;

}  // namespace equipoise::norm
