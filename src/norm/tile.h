#pragma once

#include <cstdint>

#include "equipoise/tensor.h"

namespace equipoise::norm {

/// What the elements of a tile share.
enum class Form : std::uint8_t {
  kRuns,   ///< a block is one channel
  kLanes,  ///< element i of a block belongs to lane i % width
};

/// Where the elements of a tile are: `count` runs of `length` contiguous elements, `stride`
/// elements apart.
struct Segments {
  std::int64_t count = 0;
  std::int64_t stride = 0;
  std::int64_t length = 0;
};

/// A rectangle of an activation. Kernels walk it in the order of memory: each segment (sample) of
/// `blocks` blocks, each block of `segments.length` elements. In that order memory delivers twice
/// to three times as much as block by block, where blocks are of a few KiB.
struct TileShape {
  Form form = Form::kRuns;
  DType dtype = DType::kF32;
  Segments segments;
  std::int64_t blocks = 1;
  std::int64_t block_stride = 0;
  /// Lanes: a multiple of 16, or at least the length of a segment; 1 for kRuns.
  std::int64_t width = 1;
  /// Lanes 8 to 15 belong to the channels of lanes 0 to 7, in a width of 16.
  bool has_equal_halves = false;
  /// Values per channel or lane (coefficients, sums) of one block are these many apart from those
  /// of the next: the width rounded up to 16; 1 for kRuns.
  std::int64_t lane_stride = 1;
  /// Weights are the same in all of a segment, and 16 of them stand for it.
  bool has_weight_per_segment = false;
};

}  // namespace equipoise::norm
