#pragma once

#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"

namespace equipoise::norm {

/// Where the elements of a tile are: `count` runs of `length` contiguous elements, `stride`
/// elements apart.
struct Segments {
  std::int64_t count = 0;
  std::int64_t stride = 0;
  std::int64_t length = 0;
};

/// Kernel 1, `moments`: f32 sums of (x − k) and (x − k)² around a shift k, weighted if there are
/// weights.
///
/// Of runs: each of `groups` groups (`group_stride` elements apart) has one mean over all segments.
/// The weights are those of the elements of group 0's segments, `weight_stride` apart; all groups
/// share them.
struct RunMoments {
  const void* x = nullptr;
  DType dtype = DType::kF32;
  Segments segments;
  std::int64_t groups = 1;
  std::int64_t group_stride = 0;
  const float* weights = nullptr;
  std::int64_t weight_stride = 0;
  /// Sum of the weights, or number of elements, of one group.
  double count = 0;
  /// Offset of an element with positive weight.
  std::int64_t shift_offset = 0;
  /// False: deviations from 0 instead of from the mean (RMS normalization).
  bool centered = true;
};
void moments_of_runs(const RunMoments& tile, Moments* out);

/// Of lanes: element i of a segment belongs to lane i % width; each lane has sums of its own.
/// `width` is a multiple of 16, or at least the length of a segment. The weights are one per
/// element.
struct LaneSums {
  const void* x = nullptr;
  DType dtype = DType::kF32;
  Segments segments;
  std::int64_t width = 0;
  const float* weights = nullptr;
  std::int64_t weight_stride = 0;
  /// (x − k)·scale is what is summed; `shift` holds k·scale.
  float scale = 1;
  const float* shift = nullptr;
  /// Results, `width` rounded up to 16 of each.
  float* sum = nullptr;
  float* sum_of_squares = nullptr;
};
void sums_of_lanes(const LaneSums& tile);

/// Sums around a shift, in units of 1/scale.
struct ShiftedSums {
  double sum = 0;
  double sum_of_squares = 0;
};
/// Scales with which the sums of a tile are taken: 1; when they overflow; when squares vanish.
inline constexpr float kPlainScale = 1.0F;
inline constexpr float kDownScale = 0x1p-80F;
inline constexpr float kUpScale = 0x1p60F;
/// The scale that a tile has to be redone with, or kPlainScale.
float redo_scale(ShiftedSums sums);
Moments from_sums(ShiftedSums sums, double count, double shift, float scale, bool centered);

}  // namespace equipoise::norm
