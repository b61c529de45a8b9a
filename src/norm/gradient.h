#pragma once

#include "norm/affine.h"
#include "norm/moments.h"

namespace equipoise::norm {

/// What kernels 3 and 4 read. dz = (dy + dy_second)·act'(z), where z is computed again from x (and
/// the residual), or act' is read from the tile's bits. With activation kNone, dz = dy + dy_second
/// and the coefficients a and b are not needed for it. Weights are one per element, `weight_stride`
/// between segments, shared by all blocks; an element with weight 0 and dy 0 contributes nothing,
/// whatever x holds.
struct GradientTile : Tile {
  const void* x = nullptr;
  const void* residual = nullptr;
  const void* dy = nullptr;
  const void* dy_second = nullptr;
  const float* weights = nullptr;
  std::int64_t weight_stride = 0;
};

/// Kernel 3, `gradient_moments`: Σ dz and Σ dz·(x − m)·scale, f32 within the tile.
struct GradientMomentsTile : GradientTile {
  /// Receives dz, or null. May be dy.
  void* dz = nullptr;
  /// dz is multiplied by this before it is summed: 1, or less to redo a tile whose sums overflow.
  float gradient_scale = 1;
  /// Results per block (kRuns) or lane (kLanes, `lane_stride` of each block).
  float* sum = nullptr;
  float* sum_of_products = nullptr;
};
void gradient_moments(const GradientMomentsTile& tile);

/// Kernel 4, `gradient_affine`: dx = a·scale·dz + w·(q·(x − m)·scale + s), w the weight.
struct GradientAffineTile : GradientTile {
  void* dx = nullptr;
  /// Per block or lane, like the coefficients; null: dx = a·scale·dz.
  const float* q = nullptr;
  const float* s = nullptr;
  bool streaming = false;
};
void gradient_affine(const GradientAffineTile& tile);

}  // namespace equipoise::norm
