#pragma once

#include <cstdint>

namespace equipoise::norm {

/// How the lanes of a tile's sums belong to its channels: in each block, channel c has
/// `lanes_per_channel` neighbouring lanes, or the lanes c + r·row_stride for r < rows.
struct ChannelLanes {
  std::int64_t blocks = 1;
  std::int64_t lane_stride = 1;
  std::int64_t channels = 1;  ///< of a block
  std::int64_t lanes_per_channel = 1;
  std::int64_t rows = 1;
  std::int64_t row_stride = 0;
};

/// Readable behind lanes and values per channel, and writable behind the results of `add_lanes`.
inline constexpr std::int64_t kChannelSlack = 16;

/// Adds up the lanes of each channel in f64: out[block·channels + c].
void add_lanes(const float* lanes, const ChannelLanes& of, double* out);

/// In place of an M2 whose sums cancel.
inline constexpr double kCancels = -1;

/// mean = k + Σδ/n and M2 = Σδ² − (Σδ)²/n of channels, from Σδ and Σδ² with δ = x − k. Returns
/// whether all sums were in the range where f32 is exact enough, and none cancel; if not,
/// `redo_scale` or M2 says which were not.
bool finish_moments(const double* sum, const double* sum_of_squares, const float* shift,
                    double count, std::int64_t channels, double* mean, double* m2);

}  // namespace equipoise::norm
