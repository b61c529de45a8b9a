#include "norm/walk.h"

#include <algorithm>
#include <numeric>

#include "base/round_up.h"

namespace equipoise::norm {
namespace {

// Rows of small planes are read as lanes of one slab of channels from here on down: runs this short
// are mostly tails.
constexpr std::int64_t kSmallPlane = 512;
// Fewer samples than this would not pay for coefficients per lane.
constexpr std::int64_t kSlabSamples = 4;
constexpr std::int64_t kSlabLanes = 8192;
// Channels beyond which rows of channels_last are cut into slabs, if as many as make a multiple of
// 16 elements have more lanes than this: their sums and coefficients would outgrow the second level
// and, of few samples, the tensor: (2, 1000003) took 660 MB, and 82 ms backward in place of 16.
constexpr std::int64_t kWideRow = 4096;
constexpr std::int64_t kWideLanes = 16384;
// Elements of a tile: 64 KiB of f32 of one channel, 128 KiB of the lanes of a block. f32 sums stay
// accurate, the merge in f64 costs little, and there are enough tiles for threads to share.
constexpr std::int64_t kRunTile = 16384;
constexpr std::int64_t kLaneTile = 32768;
// A tile costs some nanoseconds a channel, so it has that many steps at least.
constexpr std::int64_t kLeastRows = 128;
// Elements that a row of lanes has at least, or nearly.
constexpr std::int64_t kNarrow = 64;

}  // namespace

Walk::Walk(const Shape& shape, Layout layout, std::int64_t sample_count, bool across_samples,
           std::int64_t like_samples)
    : samples(sample_count),
      channels(shape.channels()),
      positions(shape.positions()),
      steps(positions) {
  const std::int64_t padded = storage_elements({1, channels}, layout);
  sample_stride = padded * positions;
  switch (layout) {
    case Layout::kChannelsFirst:
      blocks = channels;
      block_stride = positions;
      break;
    case Layout::kChannelsLast:
      blocks = 1;
      block_channels = channels;
      break;
    case Layout::kBlocked8:
    case Layout::kBlocked16:
      block_channels = layout == Layout::kBlocked8 ? 8 : 16;
      blocks = padded / block_channels;
      block_stride = positions * block_channels;
      break;
  }
  if (layout == Layout::kChannelsFirst && positions == 1) {  // the same memory, with lanes
    blocks = 1;
    block_channels = channels;
    block_stride = 0;
  } else if (layout == Layout::kChannelsFirst && across_samples && positions > 0 &&
             positions < kSmallPlane && like_samples >= kSlabSamples) {
    const std::int64_t unit = 16 / std::gcd(positions, std::int64_t{16});
    cut_into_slabs(std::max<std::int64_t>(kSlabLanes / positions / unit, 1) * unit, unit);
    lanes_per_channel = positions;
    steps = 1;
    block_stride = block_channels * positions;
  }
  if (blocks == 1 && block_channels == channels && channels > kWideRow &&
      std::lcm(channels, std::int64_t{16}) > kWideLanes) {
    wide = true;
    cut_into_slabs(kSlabLanes, 16);
    block_stride = block_channels;
  }
  block_lanes = block_channels * lanes_per_channel;
  step_stride = wide ? channels : block_lanes;
  form = blocks == channels && layout == Layout::kChannelsFirst && positions > 1 &&
                 lanes_per_channel == 1
             ? Form::kRuns
             : Form::kLanes;
  if (form == Form::kLanes && lanes_per_channel == 1 && !wide) {
    const std::int64_t unit = 16 / std::gcd(block_lanes, std::int64_t{16});
    repeat = unit;
    // Rows of 16 lanes are read several as one; others are to be about as long by themselves.
    if (unit * block_lanes != 16) {
      repeat = ceil_div(std::max<std::int64_t>(kNarrow / std::max<std::int64_t>(block_lanes, 1), 1),
                        unit) *
               unit;
    }
  }

  const std::int64_t most =
      form == Form::kRuns
          ? kRunTile
          : std::max(kLaneTile / std::max<std::int64_t>(block_lanes, 1), kLeastRows) / 16 * 16;
  if (steps > most) {
    tile_steps = round_up(ceil_div(steps, ceil_div(steps, most)), 16);
    tile_samples = 1;
  } else {
    tile_steps = std::max<std::int64_t>(steps, 1);
    tile_samples =
        std::clamp<std::int64_t>(most / tile_steps, 1, std::max<std::int64_t>(samples, 1));
  }
}

void Walk::cut_into_slabs(std::int64_t most, std::int64_t unit) {
  blocks = ceil_div(channels, most);
  // Equal slabs rather than full ones and a rest.
  block_channels = std::min(round_up(ceil_div(channels, blocks), unit), channels);
  blocks = ceil_div(channels, block_channels);
}

std::int64_t Walk::channels_in(std::int64_t l) const {
  return std::min(block_channels, channels - l * block_channels);
}

std::int64_t Walk::lanes_in(std::int64_t l) const {
  return lanes_per_channel == 1 && !wide ? block_lanes : channels_in(l) * lanes_per_channel;
}

std::int64_t Walk::tiles_per_block(std::int64_t sample_count) const {
  return ceil_div(sample_count, tile_samples) * ceil_div(steps, tile_steps);
}

TileRange Walk::tile(std::int64_t n0, std::int64_t n1, std::int64_t t) const {
  const std::int64_t per_sample = ceil_div(steps, tile_steps);
  const std::int64_t first = n0 + t / per_sample * tile_samples;
  const std::int64_t s0 = t % per_sample * tile_steps;
  return {first, std::min(first + tile_samples, n1), s0, std::min(s0 + tile_steps, steps)};
}

TileShape Walk::shape_of(const TileRange& tile, std::int64_t l0, std::int64_t l1, DType dtype,
                         bool may_join) const {
  const std::int64_t length = tile.steps() * lanes_in(l0);
  const bool joined = may_join && contiguous() && tile.steps() == steps;
  Segments segments{tile.samples(), sample_stride, length};
  if (joined) segments = {1, 0, tile.samples() * length};
  // A tile is of whole samples or of one.
  if (wide) segments = {tile.samples() * tile.steps(), step_stride, lanes_in(l0)};
  return {.form = form,
          .dtype = dtype,
          .segments = segments,
          .blocks = l1 - l0,
          .block_stride = block_stride,
          .width = lane_width(),
          .has_equal_halves = lane_width() == 16 && block_lanes <= 8,
          .lane_stride = padded_width(),
          .has_weight_per_segment = wide};
}

}  // namespace equipoise::norm
