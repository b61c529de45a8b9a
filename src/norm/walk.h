#pragma once

#include <cstddef>
#include <cstdint>

#include "base/round_up.h"
#include "equipoise/norm.h"
#include "equipoise/tensor.h"
#include "norm/tile.h"

namespace equipoise::norm {

/// The address of an element of a buffer; null if there is no buffer.
inline const void* at(const void* data, DType dtype, std::int64_t offset) {
  return data == nullptr ? nullptr
                         : static_cast<const std::byte*>(data) +
                               offset * static_cast<std::int64_t>(size_of(dtype));
}
inline void* at(void* data, DType dtype, std::int64_t offset) {
  return data == nullptr
             ? nullptr
             : static_cast<std::byte*>(data) + offset * static_cast<std::int64_t>(size_of(dtype));
}

/// The elements of an activation, from the first sample of a block on.
struct Elements {
  const void* data;
  Shape shape;
  Layout layout;
  DType dtype;

  Elements(const ConstTensorView& view, const void* first)
      : data(first), shape(view.shape), layout(view.layout), dtype(view.dtype) {}
};

/// Samples [n0, n1) and steps [s0, s1): what one call of a kernel works on, of one block or
/// several.
struct TileRange {
  std::int64_t n0, n1, s0, s1;
  std::int64_t samples() const { return n1 - n0; }
  std::int64_t steps() const { return s1 - s0; }
};

/// A way through an activation that suits its layout and size. Memory is seen as
/// [sample][block][step][lane]:
///
/// | layout                    | blocks  | steps | lanes of a block       | form   |
/// |---------------------------|---------|-------|------------------------|--------|
/// | channels_first            | C       | S     | 1                      | kRuns  |
/// | channels_first, small S   | C/slab  | 1     | slab channels × S      | kLanes |
/// | channels_last             | 1       | S     | C                      | kLanes |
/// | channels_last, wide       | C/slab  | S     | slab channels          | kLanes |
/// | blocked by B              | ⌈C/B⌉   | S     | B                      | kLanes |
///
/// channels_first with S = 1 is channels_last. Where that is wide, the steps of a block lie C
/// elements apart. Tiles are rectangles of samples × steps; a channel's sums are formed per tile.
/// All of this depends on shapes alone, never on threads, so that sums are always formed in the
/// same order.
struct Walk {
  Form form = Form::kRuns;
  std::int64_t samples = 0, channels = 0, positions = 0;
  std::int64_t blocks = 0;
  std::int64_t block_channels = 1;     ///< lanes / lanes_per_channel; fewer in the last block
  std::int64_t lanes_per_channel = 1;  ///< 1, or S
  std::int64_t steps = 0;
  std::int64_t block_lanes = 1;
  std::int64_t sample_stride = 0, block_stride = 0, step_stride = 1;  ///< elements
  bool wide = false;  ///< each step is a row of lanes and a segment of its own
  std::int64_t repeat =
      1;  ///< steps that make up a row of lanes, so that rows are a multiple of 16 elements
  std::int64_t tile_samples = 1, tile_steps = 1;

  Walk() = default;
  /// `across_samples`: statistics are shared by all samples (else each sample has its own).
  /// `like_samples`: the form is that of so many samples, where blocks of samples differ in size
  /// but have to be walked alike.
  Walk(const Shape& shape, Layout layout, std::int64_t sample_count, bool across_samples,
       std::int64_t like_samples);
  Walk(const Shape& shape, Layout layout, std::int64_t sample_count, bool across_samples)
      : Walk(shape, layout, sample_count, across_samples, sample_count) {}

  /// Valid channels of block l, and its lanes in memory.
  std::int64_t channels_in(std::int64_t l) const;
  std::int64_t lanes_in(std::int64_t l) const;
  /// Whether block l has lanes of no channel: the last one of a blocked layout may.
  bool has_padding(std::int64_t l) const {
    return channels_in(l) * lanes_per_channel != lanes_in(l);
  }
  /// Valid channels of blocks [l0, l1), l0 < l1.
  std::int64_t channels_in(std::int64_t l0, std::int64_t l1) const {
    return (l1 - 1 - l0) * block_channels + channels_in(l1 - 1);
  }
  std::int64_t lane_width() const { return repeat * block_lanes; }
  /// Floats to set aside for one value per lane of a row: a multiple of 16, but one for runs.
  std::int64_t padded_width() const { return form == Form::kRuns ? 1 : round_up(lane_width(), 16); }

  std::int64_t tiles_per_block(std::int64_t sample_count) const;
  TileRange tile(std::int64_t n0, std::int64_t n1, std::int64_t t) const;

  std::int64_t offset(const TileRange& tile, std::int64_t l) const {
    return tile.n0 * sample_stride + l * block_stride + tile.s0 * step_stride;
  }
  /// Whether samples follow each other without a gap in a block, so that a tile of whole samples is
  /// one segment.
  bool contiguous() const {
    return blocks == 1 && form == Form::kLanes && lanes_per_channel == 1 && !wide;
  }
  /// Of blocks [l0, l1), all with as many lanes as the first.
  TileShape shape_of(const TileRange& tile, std::int64_t l0, std::int64_t l1, DType dtype,
                     bool may_join) const;

  /// Bytes of the bits of one (sample, block); of one (sample, step, block) where steps are
  /// segments.
  std::int64_t bits_plane() const { return ceil_div((wide ? 1 : steps) * block_lanes, 16) * 2; }
  std::int64_t bits_per_sample() const { return (wide ? steps : 1) * blocks * bits_plane(); }
  std::int64_t bits_offset(const TileRange& tile, std::int64_t l) const {
    return tile.n0 * bits_per_sample() + l * bits_plane() +
           (wide ? tile.s0 * blocks * bits_plane() : tile.s0 * block_lanes / 8);
  }

 private:
  void cut_into_slabs(std::int64_t most, std::int64_t unit);
};

}  // namespace equipoise::norm
