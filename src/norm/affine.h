#pragma once

#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"
#include "norm/tile.h"

namespace equipoise::norm {

/// Coefficients of z = a·((x − m)·scale) + b. For kRuns one per block, for kLanes one per lane (16
/// more are readable).
struct Coefficients {
  const float* a = nullptr;
  const float* m = nullptr;  ///< m·scale
  const float* b = nullptr;
  /// Null where all are 1, else `kExtremeScale` where statistics are extreme.
  const float* scale = nullptr;
};
inline constexpr float kExtremeScale = 0x1p-110F;

/// What kernels 2 to 4 have to know of a tile.
struct Tile : TileShape {
  Activation activation = Activation::kNone;
  float negative_slope = 0;
  Coefficients coefficients;
  /// Bits of the derivative where a residual precedes ReLU and its kin, one per element, or null.
  /// Segments and blocks are these many bytes apart.
  std::uint8_t* bits = nullptr;
  std::int64_t bits_segment_stride = 0;
  std::int64_t bits_block_stride = 0;
  /// Masks of the 16 lanes of the last block: those without bits are padding, where 0 is written.
  /// Null: none is.
  const std::uint32_t* kept_lanes = nullptr;
};

/// Kernel 2, `affine`: y = act(a·(x − m) + b [+ residual]).
struct AffineTile : Tile {
  const void* x = nullptr;
  void* y = nullptr;
  const void* residual = nullptr;
  /// Whether y goes past the cache.
  bool streaming = false;
};
void affine(const AffineTile& tile);

}  // namespace equipoise::norm
