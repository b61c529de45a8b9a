#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/parallel.h"
#include "base/round_up.h"
#include "equipoise/tensor.h"

namespace equipoise::engine {

/// Tensors that a nest goes through side by side.
inline constexpr std::size_t kMostOperands = 3;
using Offsets = std::array<std::int64_t, kMostOperands>;

/// In elements, from one index of a dimension to the next: by dimension, where that of the channel
/// goes from one block to the next if channels are taken in blocks; and inside of a block.
struct Strides {
  std::array<std::int64_t, Shape::kMaxRank> along = {};
  std::int64_t lane = 0;
};

/// Those of a tensor in a layout, for channels taken in blocks of so many: that of the layout if it
/// is blocked.
Strides strides_of(const Shape& shape, Layout layout, std::int64_t block = 1);

/// Those of a tensor that is repeated to fill `frame`: 0 along dimensions where it has 1 or none.
/// One of fewer dimensions is row-major.
Strides broadcast_strides(const Shape& shape, Layout layout, const Shape& frame,
                          std::int64_t block = 1);

struct Loop {
  std::int64_t count = 1;
  Offsets strides = {};
};

/// Where operands are in the p-th round of some loops, the last of which turns fastest.
Offsets offsets_at(std::span<const Loop> loops, std::int64_t p);
std::int64_t rounds_of(std::span<const Loop> loops);

/// Loops over tensors of one shape, or of parts of it, each in a layout of its own; the outermost
/// first, at least two. Made once, when a plan is.
struct Nest {
  Offsets start = {};
  std::vector<Loop> loops;

  /// In the order of memory of operand 0, with loops joined where all operands allow it. REQUIRES:
  /// operand 0 moves in every loop that is more than one long.
  void simplify();
  /// Whether operands 0 and 1 are the same, element by element, from the first on.
  bool is_identity() const;
  /// All loops but the last two.
  std::span<const Loop> outer() const { return std::span(loops).first(loops.size() - 2); }
};

enum class Padding : std::uint8_t {
  kIncluded,  ///< also lanes that belong to no channel; every operand has them, or does not move
              ///< there
  kLeftOut,
};

/// The nests, one or two, that cover `frame`: a last block of few channels is one of its own if
/// padding is left out. REQUIRES: strides for that block.
std::vector<Nest> nests_over(const Shape& frame, std::int64_t block, Padding padding,
                             std::span<const Strides> operands);

/// Part of the last two loops.
struct Tile {
  Offsets start = {};
  std::int64_t rows = 0;
  std::int64_t columns = 0;
};

/// Elements that are worth a task: 64 KiB.
inline constexpr std::int64_t kTileElements = 16384;

/// Calls body(tile) for tiles that cover the nest. Which ones there are depends on the nest alone.
template <class Body>
void for_tiles(const Nest& nest, int threads, const Body& body) {
  const Loop& row = nest.loops[nest.loops.size() - 2];
  const Loop& column = nest.loops.back();
  const std::int64_t columns = std::min(column.count, kTileElements);
  const std::int64_t rows = std::clamp<std::int64_t>(kTileElements / columns, 1, row.count);
  const std::int64_t across = ceil_div(column.count, columns);
  const std::int64_t per_plane = ceil_div(row.count, rows) * across;
  parallel_for_chunks(
      rounds_of(nest.outer()) * per_plane,
      std::max<std::int64_t>(kTileElements / (rows * columns), 1), threads,
      [&](std::int64_t first, std::int64_t last) {
        for (std::int64_t t = first; t < last; ++t) {
          const std::int64_t r = t % per_plane / across * rows;
          const std::int64_t c = t % across * columns;
          Tile tile{offsets_at(nest.outer(), t / per_plane), std::min(rows, row.count - r),
                    std::min(columns, column.count - c)};
          for (std::size_t i = 0; i < kMostOperands; ++i) {
            tile.start[i] += nest.start[i] + r * row.strides[i] + c * column.strides[i];
          }
          body(tile);
        }
      });
}

}  // namespace equipoise::engine
