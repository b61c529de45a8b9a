#include "engine/simd/depthwise.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/depthwise.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/round_up.h"
#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using norm::HWY_NAMESPACE::d;
using norm::HWY_NAMESPACE::First;
using norm::HWY_NAMESPACE::Full;
using norm::HWY_NAMESPACE::lanes;
using norm::HWY_NAMESPACE::unrolled;
using norm::HWY_NAMESPACE::V;

/// An image of a vector of channels, floats from one pixel to the next.
struct Pixels {
  const float* data;
  std::int64_t step;
  const float* row(std::int64_t row, std::int64_t width) const { return data + row * width * step; }
};

/// Columns of dy for which all columns of the kernel lie inside x.
struct Inside {
  std::int64_t first, last;

  explicit Inside(const DepthwiseGeometry& g)
      : first(std::min(ceil_div(g.left, g.stride_width), g.y_width)) {
    const std::int64_t reach = g.x_width - 1 + g.left - (g.kernel_width - 1) * g.dilation_width;
    last = reach < 0 ? first : std::clamp(reach / g.stride_width + 1, first, g.y_width);
  }
};

/// Row i of the kernel over rows of dy, for a vector of channels. kUnit: stride and dilation are 1.
template <int kWidth, bool kUnit>
struct Row {
  const DepthwiseGeometry& g;
  const Inside inside;
  Pixels x, dy;

  template <class N>
  HWY_INLINE void add_to(float* sums, std::int64_t channels, std::int64_t i, std::int64_t h0,
                         std::int64_t h1, N n) const {
    // Two per column: with 5 columns, 10 FMAs that do not wait for each other.
    V a[kWidth];
    V b[kWidth];
    unrolled<kWidth>([&](auto j) EQUIPOISE_INLINE_LAMBDA { a[j()] = b[j()] = hn::Zero(d); });
    for (std::int64_t h = h0; h < h1; ++h) {
      const std::int64_t row = h * g.stride_height - g.top + i * g.dilation_height;
      if (row < 0 || row >= g.x_height) continue;
      add_row(x.row(row, g.x_width), dy.row(h, g.y_width), a, b, n);
    }
    unrolled<kWidth>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
      float* const sum = sums + (i * kWidth + j()) * channels;
      store(hn::Add(load(sum, n), hn::Add(a[j()], b[j()])), sum, n);
    });
  }

 private:
  template <class N>
  HWY_INLINE void add_row(const float* x_row, const float* dy_row, V* a, V* b, N n) const {
    for (std::int64_t w = 0; w < inside.first; ++w) add_inside(x_row, dy_row, a, w, n);
    const std::int64_t tap = (kUnit ? 1 : g.dilation_width) * x.step;
    const std::int64_t pixel = (kUnit ? 1 : g.stride_width) * x.step;
    const float* from = x_row + (inside.first * g.stride_width - g.left) * x.step;
    std::int64_t w = inside.first;
    for (; w + 2 <= inside.last; w += 2, from += 2 * pixel) {
      const V dy0 = load(dy_row + w * dy.step, n);
      const V dy1 = load(dy_row + (w + 1) * dy.step, n);
      if constexpr (kUnit) {
        V next = load(from, n);
        unrolled<kWidth>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
          a[j()] = hn::MulAdd(next, dy0, a[j()]);
          next = load(from + (j() + 1) * tap, n);
          b[j()] = hn::MulAdd(next, dy1, b[j()]);
        });
      } else {
        unrolled<kWidth>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
          a[j()] = hn::MulAdd(load(from + j() * tap, n), dy0, a[j()]);
          b[j()] = hn::MulAdd(load(from + pixel + j() * tap, n), dy1, b[j()]);
        });
      }
    }
    for (; w < g.y_width; ++w) add_inside(x_row, dy_row, a, w, n);
  }

  template <class N>
  HWY_INLINE void add_inside(const float* x_row, const float* dy_row, V* a, std::int64_t w,
                             N n) const {
    const V of_dy = load(dy_row + w * dy.step, n);
    unrolled<kWidth>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
      const std::int64_t column = w * g.stride_width - g.left + j() * g.dilation_width;
      if (column < 0 || column >= g.x_width) return;
      a[j()] = hn::MulAdd(load(x_row + column * x.step, n), of_dy, a[j()]);
    });
  }
};

/// x with the zeros around it that the kernel reads, pixel after pixel.
template <class N>
Pixels padded(const DepthwiseGeometry& g, const DepthwiseGeometry& with_padding, const Pixels& x,
              float* to, N n) {
  for (std::int64_t h = 0; h < with_padding.x_height; ++h) {
    const std::int64_t row = h - g.top;
    const bool is_row = row >= 0 && row < g.x_height;
    for (std::int64_t w = 0; w < with_padding.x_width; ++w) {
      const std::int64_t column = w - g.left;
      const bool is_inside = is_row && column >= 0 && column < g.x_width;
      hn::StoreU(is_inside ? load(x.row(row, g.x_width) + column * x.step, n) : hn::Zero(d), d,
                 to + (h * with_padding.x_width + w) * lanes());
    }
  }
  return {to, lanes()};
}

template <int kWidth, bool kUnit, class N>
void sums_of_rows(const DepthwiseGeometry& g, const Pixels& x, const Pixels& dy,
                  std::int64_t channels, float* sums, N n) {
  // In registers for so many pixels: more would lose digits.
  constexpr std::int64_t kPixels = 64;
  const std::int64_t rows = std::max<std::int64_t>(kPixels / g.y_width, 1);
  const Row<kWidth, kUnit> row{g, Inside(g), x, dy};
  for (std::int64_t h = 0; h < g.y_height; h += rows) {
    for (std::int64_t i = 0; i < g.kernel_height; ++i)
      row.add_to(sums, channels, i, h, std::min(h + rows, g.y_height), n);
  }
}

template <int kWidth, class N>
void sums_of_lanes(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                   std::int64_t channels, float* sums, float* padding, N n) {
  Pixels from{x, step};
  DepthwiseGeometry seen = g;
  if (padding != nullptr) {
    seen = padded_geometry(g);
    from = padded(g, seen, from, padding, n);
  }
  if (g.stride_width == 1 && g.dilation_width == 1) {
    sums_of_rows<kWidth, true>(seen, from, {dy, step}, channels, sums, n);
  } else {
    sums_of_rows<kWidth, false>(seen, from, {dy, step}, channels, sums, n);
  }
}

template <int kWidth>
void sums_of_width(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                   std::int64_t channels, float* sums, float* padding) {
  std::int64_t c = 0;
  for (; c + lanes() <= channels; c += lanes()) {
    sums_of_lanes<kWidth>(g, x + c, dy + c, step, channels, sums + c, padding, Full());
  }
  if (c < channels) {
    sums_of_lanes<kWidth>(g, x + c, dy + c, step, channels, sums + c, padding, First{channels - c});
  }
}

void weight_sums(const DepthwiseGeometry& g, const float* x, const float* dy, std::int64_t step,
                 std::int64_t channels, float* sums, float* padding) {
  switch (g.kernel_width) {
    case 3:
      return sums_of_width<3>(g, x, dy, step, channels, sums, padding);
    case 5:
      return sums_of_width<5>(g, x, dy, step, channels, sums, padding);
    default:
      return sums_of_width<7>(g, x, dy, step, channels, sums, padding);
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

DepthwiseGeometry padded_geometry(const DepthwiseGeometry& g) {
  DepthwiseGeometry padded = g;
  const auto reach = [](std::int64_t y, std::int64_t stride, std::int64_t kernel,
                        std::int64_t dilation) {
    return (y - 1) * stride + (kernel - 1) * dilation + 1;
  };
  padded.x_height = reach(g.y_height, g.stride_height, g.kernel_height, g.dilation_height);
  padded.x_width = reach(g.y_width, g.stride_width, g.kernel_width, g.dilation_width);
  padded.top = padded.left = 0;
  return padded;
}

std::int64_t depthwise_padding(const DepthwiseGeometry& geometry) {
  constexpr std::int64_t kMostLanes = 16;
  // What the first level has room for; of larger images, the pixels at the edges are few.
  constexpr std::int64_t kMost = 8192;
  const DepthwiseGeometry padded = padded_geometry(geometry);
  const std::int64_t floats = padded.x_height * padded.x_width * kMostLanes;
  return floats <= kMost ? floats : 0;
}

void depthwise_weight_sums(const DepthwiseGeometry& geometry, const float* x, const float* dy,
                           std::int64_t step, std::int64_t channels, float* sums, float* padding) {
  HWY_DYNAMIC_DISPATCH(weight_sums)(geometry, x, dy, step, channels, sums, padding);
}

}  // namespace equipoise::engine

#endif
