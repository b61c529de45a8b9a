#pragma once

#include <cstdint>

namespace equipoise::engine {

/// A depthwise convolution of one image.
struct DepthwiseGeometry {
  std::int64_t x_height, x_width;
  std::int64_t y_height, y_width;
  std::int64_t kernel_height, kernel_width;
  std::int64_t stride_height, stride_width;
  std::int64_t dilation_height, dilation_width;
  std::int64_t top, left;
};

/// The widths of kernels there is a loop for: 3, 5, 7.
bool has_depthwise_loop(std::int64_t kernel_width);

/// sums[(i·kernel_width + j)·channels + c] = Σ x[h·stride + i·dilation − top, …][c]·dy[h, w][c],
/// for `channels` that lie together, `step` floats from one pixel to the next. In f32: along a row
/// of dy, then over rows.
void depthwise_weight_sums(const DepthwiseGeometry& geometry, const float* x, const float* dy,
                           std::int64_t step, std::int64_t channels, float* sums);

}  // namespace equipoise::engine
