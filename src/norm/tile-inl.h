// The ways through a tile. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_TILE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_TILE_INL_H_
#undef EQUIPOISE_NORM_TILE_INL_H_
#else
#define EQUIPOISE_NORM_TILE_INL_H_
#endif

#include "norm/simd-inl.h"
#include "norm/tile.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// Calls body(segment, block, offset of the first element) for the runs of a tile of kRuns.
template <class Body>
HWY_INLINE void for_runs(const TileShape& tile, Body&& body) {
  for (std::int64_t segment = 0; segment < tile.segments.count; ++segment) {
    for (std::int64_t block = 0; block < tile.blocks; ++block) {
      body(segment, block, segment * tile.segments.stride + block * tile.block_stride);
    }
  }
}

/// Equal rows of a tile of kLanes, each `length` ≤ width elements long: the block's segments
/// themselves if those are no longer than the width, else the rows of one segment.
struct Panel {
  std::int64_t block;
  bool is_segments;
  std::int64_t segment, in_segment;  // of the first element
  std::int64_t offset, stride, rows, length;
};

template <class Body>
HWY_INLINE void for_panels(const TileShape& tile, Body&& body) {
  const Segments& s = tile.segments;
  if (s.length <= tile.width) {
    for (std::int64_t block = 0; block < tile.blocks; ++block) {
      body(Panel{block, true, 0, 0, block * tile.block_stride, s.stride, s.count, s.length});
    }
    return;
  }
  const std::int64_t rows = s.length / tile.width;
  const std::int64_t done = rows * tile.width;
  for (std::int64_t segment = 0; segment < s.count; ++segment) {
    for (std::int64_t block = 0; block < tile.blocks; ++block) {
      const std::int64_t offset = segment * s.stride + block * tile.block_stride;
      body(Panel{block, false, segment, 0, offset, tile.width, rows, tile.width});
      if (done < s.length)
        body(Panel{block, false, segment, done, offset + done, 0, 1, s.length - done});
    }
  }
}

/// The weights of a panel's first row, and elements from row to row.
struct PanelWeights {
  const float* first;
  std::int64_t stride;

  HWY_INLINE PanelWeights(const Panel& panel, const float* weights, std::int64_t weight_stride)
      : first(weights != nullptr ? weights + panel.segment * weight_stride + panel.in_segment
                                 : nullptr),
        stride(panel.is_segments ? weight_stride : panel.stride) {}
  HWY_INLINE const float* at(std::int64_t row, std::int64_t column) const {
    return first != nullptr ? first + row * stride + column : nullptr;
  }
};

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
