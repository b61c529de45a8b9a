#include "norm/tile_moments.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace equipoise::norm {
namespace {

float element(const void* data, DType dtype, std::int64_t offset) {
  if (dtype == DType::kF32) return static_cast<const float*>(data)[offset];
  return static_cast<float>(static_cast<const BFloat16*>(data)[offset]);
}

// Puts the value of each channel, times scale, in all its lanes.
void spread(const ChannelLanes& of, const float* values, float scale, std::span<float> lanes) {
  const std::int64_t per_row = of.channels * of.lanes_per_channel;
  for (std::int64_t block = 0; block < of.blocks; ++block) {
    float* p = lanes.data() + block * of.lane_stride;
    const float* of_block = values + block * of.channels;
    if (of.lanes_per_channel == 1) {
      for (std::int64_t c = 0; c < of.channels; ++c) p[c] = of_block[c] * scale;
    } else {
      for (std::int64_t c = 0; c < of.channels; ++c)
        std::fill_n(p + c * of.lanes_per_channel, of.lanes_per_channel, of_block[c] * scale);
    }
    for (std::int64_t r = 1; r < of.rows; ++r) std::copy_n(p, per_row, p + r * of.row_stride);
  }
}

// As TileShape has them.
std::int64_t weights_of_step(const Walk& walk) { return walk.wide ? 16 : walk.block_lanes; }

// The sums of blocks with channels whose M2 is the mark.
void sums_of_marked(MomentsTile tile, ChannelLanes lanes, std::span<const double> m2, double mark,
                    const LaneScratch& scratch) {
  double* sum = scratch.channel_sum.data();
  double* sum_of_squares = scratch.channel_products.data();
  tile.blocks = 1;
  lanes.blocks = 1;
  while (!m2.empty()) {
    const std::size_t channels = std::min(static_cast<std::size_t>(lanes.channels), m2.size());
    if (std::ranges::find(m2.first(channels), mark) != m2.first(channels).end()) {
      moment_sums(tile);
      add_lanes(tile.sum, lanes, sum);
      add_lanes(tile.sum_of_squares, lanes, sum_of_squares);
    }
    m2 = m2.subspan(channels);
    sum += channels;
    sum_of_squares += channels;
    tile.x = at(tile.x, tile.dtype, tile.block_stride);
    tile.shift += lanes.lane_stride;
    tile.sum += lanes.lane_stride;
    tile.sum_of_squares += lanes.lane_stride;
  }
}

}  // namespace

LaneScratch::LaneScratch(const Walk& walk, std::int64_t blocks, bool weighted,
                         Workspace::Arena& arena)
    : shift(arena.take<float>(blocks * walk.padded_width() + kChannelSlack)),
      sum(arena.take<float>(blocks * walk.padded_width() + kChannelSlack)),
      sum_of_products(arena.take<float>(blocks * walk.padded_width() + kChannelSlack)),
      channel_sum(arena.take<double>(blocks * walk.block_channels + kChannelSlack)),
      channel_products(arena.take<double>(blocks * walk.block_channels + kChannelSlack)),
      channel_shift(arena.take<float>(blocks * walk.block_channels + kChannelSlack)) {
  std::ranges::fill(shift, 0.0F);
  std::ranges::fill(channel_shift, 0.0F);
  if (weighted && walk.form == Form::kLanes)
    weights =
        arena.take<float>(walk.tile_samples * walk.tile_steps * weights_of_step(walk) + 16).data();
}

ElementWeights element_weights(const Walk& walk, std::span<const float> position_weights,
                               const TileRange& tile, std::int64_t l, float* scratch) {
  if (position_weights.empty()) return {};
  const float* first = position_weights.data() + tile.n0 * walk.positions + tile.s0;
  if (walk.form == Form::kRuns) return {first, walk.positions};
  float* out = scratch;
  for (std::int64_t n = 0; n < tile.samples(); ++n) {
    const float* w = first + n * walk.positions;
    if (walk.lanes_per_channel == 1) {
      for (std::int64_t s = 0; s < tile.steps(); ++s)
        out = std::fill_n(out, weights_of_step(walk), w[s]);
    } else {
      for (std::int64_t c = 0; c < walk.channels_in(l); ++c)
        out = std::copy_n(w, walk.positions, out);
    }
  }
  if (walk.wide) return {scratch, weights_of_step(walk)};
  return {scratch, tile.steps() * walk.lanes_in(l)};
}

ChannelLanes channel_lanes(const Walk& walk, std::int64_t l0, std::int64_t l1) {
  const bool lanes = walk.form == Form::kLanes;
  return {.blocks = l1 - l0,
          .lane_stride = walk.padded_width(),
          .channels = walk.channels_in(l0),
          .lanes_per_channel = walk.lanes_per_channel,
          .rows = lanes && walk.lanes_per_channel == 1 ? walk.repeat : 1,
          .row_stride = walk.block_lanes};
}

TileMoments::TileMoments(const Walk& walk, Elements x, std::span<const float> position_weights,
                         bool across_samples, Workspace::Arena& arena)
    : walk_(walk), x_(x), position_weights_(position_weights), across_samples_(across_samples) {
  if (position_weights.empty()) return;
  const std::int64_t ranges = across_samples ? 1 : walk.samples;
  const std::int64_t per_range = across_samples ? walk.samples : 1;
  const std::int64_t tiles = walk.tiles_per_block(per_range);
  weights_ = arena.take<Weight>(ranges * tiles);
  for (std::int64_t i = 0; i < ranges * tiles; ++i) {
    const std::int64_t n0 = i / tiles * per_range;
    weights_[static_cast<std::size_t>(i)] = weight_of(walk.tile(n0, n0 + per_range, i % tiles));
  }
}

TileMoments::Weight TileMoments::weight(std::int64_t n0, std::int64_t n1, std::int64_t t) const {
  if (weights_.empty()) return weight_of(walk_.tile(n0, n1, t));
  const std::int64_t first = across_samples_ ? 0 : n0 * walk_.tiles_per_block(1);
  return weights_[static_cast<std::size_t>(first + t)];
}

TileMoments::Weight TileMoments::weight_of(const TileRange& tile) const {
  // With a slab's lanes a step is a whole sample.
  const std::int64_t s0 = walk_.lanes_per_channel == 1 ? tile.s0 : 0;
  const std::int64_t s1 = walk_.lanes_per_channel == 1 ? tile.s1 : walk_.positions;
  const std::int64_t steps = s1 - s0;
  const std::int64_t values = tile.samples() * steps;
  const auto position = [&](std::int64_t i) {
    return Weight::Position{tile.n0 + i / steps, s0 + i % steps};
  };
  if (position_weights_.empty()) {
    // Of the sample that is read next, if it has so many.
    const std::int64_t among = steps > 2 ? steps : values;
    return {static_cast<double>(values), position(0), position(among / 2), position(among - 1)};
  }
  const auto weight_at = [&](std::int64_t i) {
    const Weight::Position at = position(i);
    return position_weights_[static_cast<std::size_t>(at.n * walk_.positions + at.s)];
  };
  double count = 0;
  std::int64_t first = values;
  std::int64_t last = 0;
  for (std::int64_t i = 0; i < values; ++i) {
    const float w = weight_at(i);
    if (!(w > 0)) continue;
    first = std::min(first, i);
    last = i;
    count += static_cast<double>(w);
  }
  if (count == 0) return {};
  std::int64_t middle = first + (last - first) / 2;
  while (!(weight_at(middle) > 0)) ++middle;
  return {count, position(first), position(middle), position(last)};
}

void TileMoments::find_shifts(std::int64_t l0, std::int64_t l1, const Weight& weight,
                              float* shift) const {
  const std::int64_t by_channel = walk_.form == Form::kRuns ? 0 : walk_.lanes_per_channel;
  const std::int64_t by_position = walk_.lanes_per_channel > 1 ? 1 : walk_.step_stride;
  const auto offset = [&](const Weight::Position& at) {
    return at.n * walk_.sample_stride + at.s * by_position;
  };
  const std::int64_t first = offset(weight.first);
  const std::int64_t middle = offset(weight.middle);
  const std::int64_t last = offset(weight.last);
  for (std::int64_t l = l0; l < l1; ++l) {
    for (std::int64_t c = 0; c < walk_.channels_in(l); ++c) {
      const std::int64_t channel = l * walk_.block_stride + c * by_channel;
      *shift++ = robust_shift(element(x_.data, x_.dtype, channel + first),
                              element(x_.data, x_.dtype, channel + middle),
                              element(x_.data, x_.dtype, channel + last));
    }
  }
}

void TileMoments::operator()(std::int64_t n0, std::int64_t n1, std::int64_t l0, std::int64_t l1,
                             std::int64_t t, const LaneScratch& scratch, double* mean,
                             double* m2) const {
  const TileRange range = walk_.tile(n0, n1, t);
  const Weight tile_weight = weight(n0, n1, t);
  const ChannelLanes lanes = channel_lanes(walk_, l0, l1);
  const std::int64_t channels = walk_.channels_in(l0, l1);
  if (tile_weight.count == 0) {
    std::fill_n(mean, channels, 0.0);
    std::fill_n(m2, channels, 0.0);
    return;
  }
  const ElementWeights w = element_weights(walk_, position_weights_, range, l0, scratch.weights);
  find_shifts(l0, l1, tile_weight, scratch.channel_shift.data());
  spread(lanes, scratch.channel_shift.data(), 1, scratch.shift);
  MomentsTile tile;
  static_cast<TileShape&>(tile) = walk_.shape_of(range, l0, l1, x_.dtype, true);
  tile.x = at(x_.data, x_.dtype, walk_.offset(range, l0));
  tile.weights = w.data;
  tile.weight_stride = w.segment_stride;
  tile.shift = scratch.shift.data();
  tile.sum = scratch.sum.data();
  tile.sum_of_squares = scratch.sum_of_products.data();
  moment_sums(tile);
  add_lanes(tile.sum, lanes, scratch.channel_sum.data());
  add_lanes(tile.sum_of_squares, lanes, scratch.channel_products.data());
  if (!finish_moments(scratch.channel_sum.data(), scratch.channel_products.data(),
                      scratch.channel_shift.data(), tile_weight.count, channels, mean, m2)) {
    redo(tile, lanes, channels, tile_weight.count, scratch, mean, m2);
  }
}

void TileMoments::redo(MomentsTile tile, const ChannelLanes& lanes, std::int64_t channels,
                       double count, const LaneScratch& scratch, double* mean, double* m2) const {
  const auto sums_of = [&](std::int64_t c) {
    const auto i = static_cast<std::size_t>(c);
    return ShiftedSums{scratch.channel_sum[i], scratch.channel_products[i]};
  };
  constexpr int kPasses = 3;
  // A channel is marked, in place of its M2, with the scale to redo it with, negated: another one
  // where its sums overflow or vanish, the same where they only cancel.
  static_assert(kCancels == -static_cast<double>(kPlainScale));
  for (std::int64_t c = 0; c < channels; ++c) {
    const float scale = redo_scale(sums_of(c));
    if (scale != kPlainScale) m2[c] = -static_cast<double>(scale);
  }
  for (const float scale : {kPlainScale, kDownScale, kUpScale}) {
    const double mark = -static_cast<double>(scale);
    // Around the same shift, whose plain sums are there, and around the mean where those cancel;
    // once more where the values that the shift is of had next to no weight.
    for (int pass = 0; pass < kPasses; ++pass) {
      if (std::none_of(m2, m2 + channels, [&](double v) { return v == mark; })) continue;
      if (pass > 0 || scale != kPlainScale) {
        spread(lanes, scratch.channel_shift.data(), scale, scratch.shift);
        tile.scale = scale;
        sums_of_marked(tile, lanes, {m2, m2 + channels}, mark, scratch);
      }
      for (std::int64_t c = 0; c < channels; ++c) {
        if (m2[c] != mark) continue;
        float& shift = scratch.channel_shift[static_cast<std::size_t>(c)];
        const Moments moments =
            from_sums(sums_of(c), count, static_cast<double>(shift), scale, true);
        if (pass + 1 < kPasses && cancels(sums_of(c), count)) {
          constexpr double kMost = std::numeric_limits<float>::max();
          shift = static_cast<float>(std::clamp(moments.mean, -kMost, kMost));
          continue;
        }
        mean[c] = moments.mean;
        m2[c] = moments.m2;
      }
    }
  }
}

}  // namespace equipoise::norm
