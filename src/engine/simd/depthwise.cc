#include "engine/simd/depthwise.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/depthwise.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using norm::HWY_NAMESPACE::d;
using norm::HWY_NAMESPACE::First;
using norm::HWY_NAMESPACE::Full;
using norm::HWY_NAMESPACE::lanes;
using norm::HWY_NAMESPACE::V;

/// One row of the kernel over one row of dy, for a vector of channels.
template <int kWidth>
struct Row {
  const DepthwiseGeometry& g;
  const float* x;
  const float* dy;
  std::int64_t step;
  /// Columns of dy for which all columns of the kernel lie inside x.
  std::int64_t first, last;

  template <class N>
  HWY_INLINE void add_to(float* sums, std::int64_t channels, N n) const {
    // Two per column: with 5 columns, 10 FMAs that do not wait for each other.
    V a[kWidth];
    V b[kWidth];
    for (int j = 0; j < kWidth; ++j) a[j] = b[j] = hn::Zero(d);
    for (std::int64_t w = 0; w < first; ++w) add_inside(a, w, n);
    const std::int64_t tap = g.dilation_width * step;
    const std::int64_t pixel = g.stride_width * step;
    const float* from = x + (first * g.stride_width - g.left) * step;
    std::int64_t w = first;
    for (; w + 2 <= last; w += 2, from += 2 * pixel) {
      const V dy0 = load(dy + w * step, n);
      const V dy1 = load(dy + (w + 1) * step, n);
      for (int j = 0; j < kWidth; ++j) {
        a[j] = hn::MulAdd(load(from + j * tap, n), dy0, a[j]);
        b[j] = hn::MulAdd(load(from + pixel + j * tap, n), dy1, b[j]);
      }
    }
    for (; w < g.y_width; ++w) add_inside(a, w, n);
    for (int j = 0; j < kWidth; ++j) {
      float* const sum = sums + j * channels;
      store(hn::Add(load(sum, n), hn::Add(a[j], b[j])), sum, n);
    }
  }

 private:
  template <class N>
  HWY_INLINE void add_inside(V* a, std::int64_t w, N n) const {
    const V of_dy = load(dy + w * step, n);
    for (int j = 0; j < kWidth; ++j) {
      const std::int64_t column = w * g.stride_width - g.left + j * g.dilation_width;
      if (column < 0 || column >= g.x_width) continue;
      a[j] = hn::MulAdd(load(x + column * step, n), of_dy, a[j]);
    }
  }
};

template <int kWidth, class N>
void sums_of_lanes(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                   std::int64_t channels, float* sums, N n) {
  const std::int64_t reach = g.x_width - 1 + g.left - (kWidth - 1) * g.dilation_width;
  const std::int64_t first = std::min((g.left + g.stride_width - 1) / g.stride_width, g.y_width);
  const std::int64_t last =
      reach < 0 ? first : std::clamp(reach / g.stride_width + 1, first, g.y_width);
  for (std::int64_t k = 0; k < g.kernel_height * kWidth; ++k) {
    store(hn::Zero(d), sums + k * channels, n);
  }
  for (std::int64_t h = 0; h < g.y_height; ++h) {
    for (std::int64_t i = 0; i < g.kernel_height; ++i) {
      const std::int64_t row = h * g.stride_height - g.top + i * g.dilation_height;
      if (row < 0 || row >= g.x_height) continue;
      Row<kWidth>{g, x + row * g.x_width * step, dy + h * g.y_width * step, step, first, last}
          .add_to(sums + i * kWidth * channels, channels, n);
    }
  }
}

template <int kWidth>
void sums_of_width(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                   std::int64_t channels, float* sums) {
  std::int64_t c = 0;
  for (; c + lanes() <= channels; c += lanes()) {
    sums_of_lanes<kWidth>(g, x + c, dy + c, step, channels, sums + c, Full());
  }
  if (c < channels) {
    sums_of_lanes<kWidth>(g, x + c, dy + c, step, channels, sums + c, First{channels - c});
  }
}

void weight_sums(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                 std::int64_t channels, float* sums) {
  switch (g.kernel_width) {
    case 3:
      return sums_of_width<3>(g, x, dy, step, channels, sums);
    case 5:
      return sums_of_width<5>(g, x, dy, step, channels, sums);
    default:
      return sums_of_width<7>(g, x, dy, step, channels, sums);
  }
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(weight_sums);

bool has_depthwise_loop(std::int64_t kernel_width) {
  return kernel_width == 3 || kernel_width == 5 || kernel_width == 7;
}

void depthwise_weight_sums(const DepthwiseGeometry& geometry, const float* x, const float* dy,
                           std::int64_t step, std::int64_t channels, float* sums) {
  HWY_DYNAMIC_DISPATCH(weight_sums)(geometry, x, dy, step, channels, sums);
}

}  // namespace equipoise::engine

#endif
