#pragma once

#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"

namespace equipoise::norm {

/// The four kernels where a sample is a row with statistics of its own, and every element of it has
/// its own γ and β: layer and RMS normalization, group normalization of small images. A row is in
/// the first-level cache when its second sweep comes, so both sweeps of a row are one call.
///
/// Each row has `groups` groups of length/groups elements; where there are several, their length is
/// a multiple of 16.
struct RowsTile {
  DType dtype = DType::kF32;
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int64_t groups = 1;
  bool centered = true;
  Activation activation = Activation::kNone;
  float negative_slope = 0;
  /// One per element of a row (16 more are readable).
  const float* weight = nullptr;
  const float* bias = nullptr;
  const void* x = nullptr;
  const void* residual = nullptr;
  /// As in Tile; rows are `bits_stride` bytes apart.
  std::uint8_t* bits = nullptr;
  std::int64_t bits_stride = 0;
};

/// Sums in f32 are of so many elements at most; those of a longer row's tiles are added in f64.
inline constexpr std::int64_t kRowTile = 8192;

struct RowsForwardTile : RowsTile {
  void* y = nullptr;
  bool streaming = false;
  double epsilon = 0;
  /// Results, at [row·groups + group].
  double* mean = nullptr;
  double* rstd = nullptr;
};
void rows_forward(const RowsForwardTile& tile);

struct RowsBackwardTile : RowsTile {
  const void* dy = nullptr;
  const void* dy_second = nullptr;
  /// Receive dz and dx, or null. Either may be dy.
  void* dz = nullptr;
  void* dx = nullptr;
  const double* mean = nullptr;
  const double* rstd = nullptr;
  /// Per element of a row, summed over rows: Σ dz and Σ dz·x̂ are added to these (rounded up to 16
  /// of each), or null.
  float* sum = nullptr;
  float* sum_of_products = nullptr;
};
void rows_backward(const RowsBackwardTile& tile);

}  // namespace equipoise::norm
