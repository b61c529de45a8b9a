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

/// Rows of a tile of kLanes, `stride` elements apart: the block's segments themselves if those are
/// no longer than a row, else one segment as equal rows and a shorter last one (or the eight
/// elements in front of them).
struct Panel {
  std::int64_t block;
  bool is_segments;
  std::int64_t segment, in_segment;  // of the first element
  std::int64_t offset, stride, rows, length;
  std::int64_t tail;  // elements of the last row, behind the others
  bool is_folded;     // 16 lanes follow each other several times in a row
};

/// Calls body(j, lane) for the first lanes of kColumns vectors from element `column` of a row on.
template <int kColumns, class Body>
HWY_INLINE void for_lanes(const Panel& panel, std::int64_t column, Body&& body) {
  const std::int64_t step = lanes();
  if (panel.is_folded) {
    unrolled<kColumns>([&](auto j)
                           EQUIPOISE_INLINE_LAMBDA { body(j, (column + j() * step) & 15); });
  } else {
    unrolled<kColumns>([&](auto j) EQUIPOISE_INLINE_LAMBDA { body(j, column + j() * step); });
  }
}

/// Whether p is aligned to a vector, for streaming.
template <class T>
HWY_INLINE bool is_aligned(const T* p) {
  return reinterpret_cast<std::uintptr_t>(p) % (sizeof(T) * hn::Lanes(d)) == 0;
}

/// Calls body(panel). Rows of 16 lanes are read several as one, as many as fill kColumns vectors
/// (as in for_columns). `streamed`: what is written past the cache, or null. Its rows begin at
/// element 8 of a segment where that is aligned and element 0 is not (AVX-512 alone: shorter
/// vectors are aligned at both or at neither).
template <int kColumns, class T, class Body>
HWY_INLINE void for_panels(const TileShape& tile, const T* streamed, Body&& body) {
  const Segments& s = tile.segments;
  const bool is_folded = tile.width == 16;
  const std::int64_t row = is_folded ? std::max<std::int64_t>(kColumns * lanes(), 16) : tile.width;
  if (s.length <= row) {
    for (std::int64_t block = 0; block < tile.blocks; ++block) {
      body(Panel{.block = block,
                 .is_segments = true,
                 .segment = 0,
                 .in_segment = 0,
                 .offset = block * tile.block_stride,
                 .stride = s.stride,
                 .rows = s.count,
                 .length = s.length,
                 .tail = 0,
                 .is_folded = is_folded});
    }
    return;
  }
  constexpr std::int64_t kHalf = 8;
  for (std::int64_t segment = 0; segment < s.count; ++segment) {
    for (std::int64_t block = 0; block < tile.blocks; ++block) {
      Panel panel{.block = block,
                  .is_segments = false,
                  .segment = segment,
                  .in_segment = 0,
                  .offset = segment * s.stride + block * tile.block_stride,
                  .stride = row,
                  .rows = 0,
                  .length = row,
                  .tail = kHalf,
                  .is_folded = is_folded};
      if (streamed != nullptr && tile.has_equal_halves && !is_aligned(streamed + panel.offset) &&
          is_aligned(streamed + panel.offset + kHalf)) {
        body(panel);
        panel.in_segment = kHalf;
        panel.offset += kHalf;
      }
      const std::int64_t length = s.length - panel.in_segment;
      panel.rows = length / row;
      panel.tail = length % row;
      body(panel);
    }
  }
}

/// The weights of a panel's first row, and elements from row to row.
struct PanelWeights {
  const float* first;
  std::int64_t stride;
  std::int64_t column_mask;

  HWY_INLINE PanelWeights(const TileShape& tile, const Panel& panel, const float* weights,
                          std::int64_t weight_stride)
      : first(weights != nullptr ? weights + panel.segment * weight_stride + panel.in_segment
                                 : nullptr),
        stride(panel.is_segments ? weight_stride : panel.stride),
        column_mask(tile.has_weight_per_segment ? 0 : -1) {}
  HWY_INLINE const float* at(std::int64_t row, std::int64_t column) const {
    return first != nullptr ? first + row * stride + (column & column_mask) : nullptr;
  }
};

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
