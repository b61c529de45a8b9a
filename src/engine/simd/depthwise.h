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

/// The same convolution of an image that has its padding around it.
DepthwiseGeometry padded_geometry(const DepthwiseGeometry& geometry);

/// Floats of `padding` that the sums below want; 0: it is null, the image is large.
std::int64_t depthwise_padding(const DepthwiseGeometry& geometry);

/// sums[(i·kernel_width + j)·channels + c] += Σ x[h·stride + i·dilation − top, …][c]·dy[h, w][c],
/// for `channels` that lie together, `step` floats from one pixel to the next. In f32: over some
/// pixels, then over those sums. Zeros around the image take part: they make NaN of a dy that is
/// not finite.
void depthwise_weight_sums(const DepthwiseGeometry& geometry, const float* x, const float* dy,
                           std::int64_t step, std::int64_t channels, float* sums, float* padding);

}  // namespace equipoise::engine
