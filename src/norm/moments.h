#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"
#include "norm/tile.h"

namespace equipoise::norm {

/// Kernel 1, `moments`: f32 sums of (x − k) and (x − k)² around a shift k, weighted if there are
/// weights: one per element of a block, `weight_stride` between segments, shared by all blocks.
struct MomentsTile : TileShape {
  const void* x = nullptr;
  const float* weights = nullptr;
  std::int64_t weight_stride = 0;
  /// (x − k)·scale is what is summed; `shift` holds k·scale per block (kRuns) or lane.
  float scale = 1;
  const float* shift = nullptr;
  /// Results per block (kRuns) or lane, `lane_stride` of each block.
  float* sum = nullptr;
  float* sum_of_squares = nullptr;
};
void moment_sums(const MomentsTile& tile);

/// Runs that each have a mean of their own, without weights.
struct RunMoments {
  const void* x = nullptr;
  DType dtype = DType::kF32;
  std::int64_t runs = 1;
  std::int64_t stride = 0;  ///< elements from run to run
  std::int64_t length = 0;
  /// False: deviations from 0 instead of from the mean (RMS normalization).
  bool centered = true;
};
void moments_of_runs(const RunMoments& of, Moments* out);

/// The median of three elements, or 0: a single outlier as the shift would cost digits. Two of the
/// three can still be outliers: see `kMostCancellation`.
inline float robust_shift(float a, float b, float c) {
  const float k = std::max(std::min(a, b), std::min(std::max(a, b), c));
  return std::isfinite(k) ? k : 0;
}

/// Sums around a shift, in units of 1/scale.
struct ShiftedSums {
  double sum = 0;
  double sum_of_squares = 0;
};
/// Scales with which the sums of a tile are taken: 1; when they overflow; when squares vanish.
inline constexpr float kPlainScale = 1.0F;
inline constexpr float kDownScale = 0x1p-80F;
inline constexpr float kUpScale = 0x1p60F;
/// Below this, squares may have lost digits or vanished: f32 ends at 1e-38.
inline constexpr double kSmallSumOfSquares = 1e-30;
/// The scale that a tile has to be redone with, or kPlainScale.
float redo_scale(ShiftedSums sums);

/// How much larger than Σδ² − (Σδ)²/n a Σδ² may be. The difference inherits the relative errors of
/// Σδ² and, twice, of Σδ, times this. A lane adds up to 1024 values (a run on the narrowest
/// target); equal ones may all be rounded to one side, 1024·2⁻²⁶ in all: 16 · 3 · 2⁻¹⁶ = 7e-4 at
/// the worst. Beyond it, sums are taken again, around the mean that they gave: k is one of the
/// values, so without weights (k − mean)² is no more than n variances, the mean is off by a small
/// part of a deviation, and once is enough. Normally distributed values do not get there: two of
/// three would have to be four deviations off.
inline constexpr double kMostCancellation = 16;
/// Whether sums of a total weight are to be taken around their mean.
inline bool cancels(ShiftedSums s, double count) {
  return s.sum_of_squares - s.sum * (s.sum * (1 / count)) < s.sum_of_squares / kMostCancellation;
}

Moments from_sums(ShiftedSums sums, double count, double shift, float scale, bool centered);

}  // namespace equipoise::norm
