#include "norm/tile_moments.h"

#include <algorithm>
#include <cmath>

namespace equipoise::norm {

float element(const void* data, DType dtype, std::int64_t offset) {
  if (dtype == DType::kF32) return static_cast<const float*>(data)[offset];
  return static_cast<float>(static_cast<const BFloat16*>(data)[offset]);
}

LaneScratch::LaneScratch(const Walk& walk, bool weighted, Workspace::Arena& arena) {
  if (walk.form == Form::kRuns) return;
  shift = arena.take<float>(walk.padded_width()).data();
  sum = arena.take<float>(walk.padded_width()).data();
  sum_of_products = arena.take<float>(walk.padded_width()).data();
  if (weighted)
    weights = arena.take<float>(walk.tile_samples * walk.tile_steps * walk.block_lanes + 16).data();
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
        out = std::fill_n(out, walk.block_lanes, w[s]);
    } else {
      for (std::int64_t c = 0; c < walk.channels_in(l); ++c)
        out = std::copy_n(w, walk.positions, out);
    }
  }
  return {scratch, tile.steps() * walk.lanes_in(l)};
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

TileMoments::Weight TileMoments::weight_of(const TileRange& tile) const {
  // With a slab's lanes a step is a whole sample.
  const std::int64_t s0 = walk_.lanes_per_channel == 1 ? tile.s0 : 0;
  const std::int64_t s1 = walk_.lanes_per_channel == 1 ? tile.s1 : walk_.positions;
  if (position_weights_.empty())
    return {static_cast<double>(tile.samples() * (s1 - s0)), tile.n0, s0};
  Weight weight;
  for (std::int64_t n = tile.n0; n < tile.n1; ++n) {
    for (std::int64_t s = s0; s < s1; ++s) {
      const float w = position_weights_[static_cast<std::size_t>(n * walk_.positions + s)];
      if (w > 0 && weight.count == 0) {
        weight.n = n;
        weight.s = s;
      }
      weight.count += static_cast<double>(w);
    }
  }
  return weight;
}

void TileMoments::operator()(std::int64_t n0, std::int64_t n1, std::int64_t l, std::int64_t t,
                             const LaneScratch& scratch, Moments* out) const {
  const TileRange tile = walk_.tile(n0, n1, t);
  const std::int64_t first = across_samples_ ? 0 : n0 * walk_.tiles_per_block(1);
  const Weight weight =
      weights_.empty() ? weight_of(tile) : weights_[static_cast<std::size_t>(first + t)];
  if (weight.count == 0) {
    std::fill_n(out, walk_.channels_in(l), Moments{});
  } else if (walk_.form == Form::kRuns) {
    of_runs(tile, l, weight, out);
  } else {
    of_lanes(tile, l, weight, scratch, out);
  }
}

void TileMoments::of_runs(const TileRange& tile, std::int64_t l, const Weight& weight,
                          Moments* out) const {
  const ElementWeights w = element_weights(walk_, position_weights_, tile, l, nullptr);
  moments_of_runs({.x = at(x_.data, x_.dtype, walk_.offset(tile, l)),
                   .dtype = x_.dtype,
                   .segments = walk_.segments(tile, l, true),
                   .weights = w.data,
                   .weight_stride = w.segment_stride,
                   .count = weight.count,
                   .shift_offset = (weight.n - tile.n0) * walk_.sample_stride + weight.s - tile.s0},
                  out);
}

void TileMoments::of_lanes(const TileRange& tile, std::int64_t l, const Weight& weight,
                           const LaneScratch& scratch, Moments* out) const {
  const std::int64_t channels = walk_.channels_in(l);
  const std::int64_t per_channel = walk_.lanes_per_channel;
  const ElementWeights w = element_weights(walk_, position_weights_, tile, l, scratch.weights);
  const auto value = [&](std::int64_t c, std::int64_t n, std::int64_t s) {
    return element(x_.data, x_.dtype,
                   n * walk_.sample_stride + l * walk_.block_stride + c * per_channel +
                       s * (per_channel == 1 ? walk_.block_lanes : 1));
  };
  // The median of three values: a single outlier as the shift would cost digits.
  const std::int64_t s0 = per_channel == 1 ? tile.s0 : 0;
  const std::int64_t s1 = per_channel == 1 ? tile.s1 : walk_.positions;
  const auto shift_of = [&](std::int64_t c) {
    float k = value(c, weight.n, weight.s);
    if (position_weights_.empty()) {
      const float middle = value(c, (tile.n0 + tile.n1) / 2, (s0 + s1) / 2);
      const float last = value(c, tile.n1 - 1, s1 - 1);
      k = std::max(std::min(k, middle), std::min(std::max(k, middle), last));
    }
    return std::isfinite(k) ? k : 0.0F;
  };
  const auto run = [&](float scale) {
    std::fill_n(scratch.shift, walk_.padded_width(), 0.0F);
    for (std::int64_t c = 0; c < channels; ++c) {
      std::fill_n(scratch.shift + c * per_channel, per_channel, shift_of(c) * scale);
    }
    for (std::int64_t r = 1; r < walk_.repeat; ++r) {
      std::copy_n(scratch.shift, channels, scratch.shift + r * walk_.block_lanes);
    }
    sums_of_lanes({.x = at(x_.data, x_.dtype, walk_.offset(tile, l)),
                   .dtype = x_.dtype,
                   .segments = walk_.segments(tile, l, true),
                   .width = walk_.lane_width(),
                   .weights = w.data,
                   .weight_stride = w.segment_stride,
                   .scale = scale,
                   .shift = scratch.shift,
                   .sum = scratch.sum,
                   .sum_of_squares = scratch.sum_of_products});
  };
  const auto sums_of = [&](std::int64_t c) {
    ShiftedSums sums;
    if (per_channel > 1) {
      for (std::int64_t i = c * per_channel; i < (c + 1) * per_channel; ++i) {
        sums.sum += static_cast<double>(scratch.sum[i]);
        sums.sum_of_squares += static_cast<double>(scratch.sum_of_products[i]);
      }
    } else {
      for (std::int64_t i = c; i < walk_.lane_width(); i += walk_.block_lanes) {
        sums.sum += static_cast<double>(scratch.sum[i]);
        sums.sum_of_squares += static_cast<double>(scratch.sum_of_products[i]);
      }
    }
    return sums;
  };

  // A channel whose sums overflow or vanish is marked with the scale to redo it with, negated, in
  // place of its count.
  bool redo = false;
  run(kPlainScale);
  for (std::int64_t c = 0; c < channels; ++c) {
    const ShiftedSums sums = sums_of(c);
    const float scale = redo_scale(sums);
    out[c] = from_sums(sums, weight.count, static_cast<double>(scratch.shift[c * per_channel]),
                       kPlainScale, true);
    if (scale != kPlainScale) {
      out[c].count = -static_cast<double>(scale);
      redo = true;
    }
  }
  if (!redo) return;
  for (const float scale : {kDownScale, kUpScale}) {
    const auto marked = [&](const Moments& m) { return m.count == -static_cast<double>(scale); };
    if (std::none_of(out, out + channels, marked)) continue;
    run(scale);
    for (std::int64_t c = 0; c < channels; ++c) {
      if (marked(out[c])) {
        out[c] = from_sums(sums_of(c), weight.count, static_cast<double>(shift_of(c)), scale, true);
      }
    }
  }
}

}  // namespace equipoise::norm
