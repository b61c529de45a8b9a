#pragma once

#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"
#include "norm/moments.h"

namespace equipoise::norm {

/// Where a tile's elements have their coefficients.
enum class Form : std::uint8_t {
  kRuns,   ///< group g of a segment has its own: a[g], m[g], b[g]
  kLanes,  ///< element i of a segment belongs to lane i % width: a[lane], m[lane], b[lane]
};

/// Coefficients of z = a·((x − m)·scale) + b. For kRuns one per group, for kLanes one per lane (16
/// more are readable).
struct Coefficients {
  const float* a = nullptr;
  const float* m = nullptr;  ///< m·scale
  const float* b = nullptr;
  /// 1, or `kExtremeScale` where statistics are extreme.
  float scale = 1;
};
inline constexpr float kExtremeScale = 0x1p-110F;
inline constexpr double kExtremeStatistic = 0x1p50;

/// The elements that kernels 2 to 4 read and write, at the tile's first. Groups (kRuns) are
/// `group_stride` elements apart.
struct Tile {
  Form form = Form::kRuns;
  DType dtype = DType::kF32;
  Segments segments;
  std::int64_t groups = 1;
  std::int64_t group_stride = 0;
  std::int64_t width = 0;
  Activation activation = Activation::kNone;
  float negative_slope = 0;
  Coefficients coefficients;
  /// Bits of the derivative where a residual precedes ReLU and its kin, one per element, or null.
  /// Segments and groups are these many bytes apart.
  std::uint8_t* bits = nullptr;
  std::int64_t bits_segment_stride = 0;
  std::int64_t bits_group_stride = 0;
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
