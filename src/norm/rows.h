#pragma once

#include <cstdint>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"
#include "norm/tile_gradients.h"

namespace equipoise::norm {

/// The four kernels where samples are rows with statistics of their own: layer and RMS
/// normalization, group normalization of small images. A row is in the first-level cache when its
/// second sweep comes, so both sweeps of a row are one call.
///
/// Each row has `groups` groups of length/groups elements with statistics of their own. γ and β
/// belong to elements, or each to a run of at least 16 of them; groups begin and end with runs.
/// Where there are several, their length is a multiple of 16.
struct RowsTile {
  DType dtype = DType::kF32;
  std::int64_t rows = 0;
  std::int64_t length = 0;
  std::int64_t stride = 0;  ///< elements from row to row
  std::int64_t groups = 1;
  std::int64_t run = 1;  ///< elements that share γ and β
  bool centered = true;
  Activation activation = Activation::kNone;
  float negative_slope = 0;
  /// One per element of a row (16 more are readable), or per run.
  const float* weight = nullptr;
  const float* bias = nullptr;
  const void* x = nullptr;
  const void* residual = nullptr;
  /// As in Tile; rows are `bits_stride` bytes apart.
  std::uint8_t* bits = nullptr;
  std::int64_t bits_stride = 0;
  /// Whether y or dx goes past the cache.
  bool streaming = false;
};

/// Sums in f32 are of so many elements at most; those of a longer row's tiles are added in f64.
inline constexpr std::int64_t kRowTile = 8192;

struct RowsForwardTile : RowsTile {
  void* y = nullptr;
  double epsilon = 0;
  /// At [row·groups + group].
  const double* mean = nullptr;
  const double* rstd = nullptr;
  /// The same memory, where they are computed first; null: they are given.
  double* new_mean = nullptr;
  double* new_rstd = nullptr;
  /// Receives what they are computed from, unless null.
  Moments* new_moments = nullptr;
};
void rows_forward(const RowsForwardTile& tile);

/// Σ γ·dz and Σ γ·dz·x̂ of a row's group.
struct RowSums {
  GradientSums sums;
  /// Whether dz may be so large that sums over rows need a smaller unit.
  bool huge = false;
};
/// Sums over rows in f32 are of so many at most, which are added up in f64: equal terms are rounded
/// to the same side, over and over, and lose 3e-6 of their sum by then.
inline constexpr std::int64_t kSummedRows = 128;
/// The unit in which huge dz are summed: of at most 2^128, times x̂, over so many rows.
inline constexpr float kHugeUnit = 0x1p-40F;

/// What is summed over rows, per element of a row (rounded up to 16 of each), in a unit of its own.
struct ColumnSums {
  float* dz = nullptr;
  float* products = nullptr;  ///< Σ dz·x̂
  float unit = 1;
};

struct RowsBackwardTile : RowsTile {
  const void* dy = nullptr;
  const void* dy_second = nullptr;
  /// Receive dz and dx, or null. Either may be dy.
  void* dz = nullptr;
  void* dx = nullptr;
  const double* mean = nullptr;
  const double* rstd = nullptr;
  /// Without runs: what the rows add up to is added to these, kSummedRows of them to each, unless
  /// null.
  ColumnSums* columns = nullptr;
  /// With runs: receives Σ dz and Σ dz·x̂ of each run of each row.
  GradientSums* runs = nullptr;
  /// Elements that share statistics: length/groups, or more where rows are strips of longer ones.
  std::int64_t count = 0;
  /// Of rows without runs: where a row is a strip of a longer one, its sums come before all else.
  enum class Sweeps : std::uint8_t { kBoth, kSums, kRest };
  Sweeps sweeps = Sweeps::kBoth;
  /// At [row·groups + group]: results of kSums, given for kRest.
  RowSums* sums = nullptr;
};
void rows_backward(const RowsBackwardTile& tile);

}  // namespace equipoise::norm
