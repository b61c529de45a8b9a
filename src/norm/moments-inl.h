// Bodies of kernel 1, `moments`. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_MOMENTS_INL_H_
#undef EQUIPOISE_NORM_MOMENTS_INL_H_
#else
#define EQUIPOISE_NORM_MOMENTS_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "norm/moments.h"
#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

// Σ w·δ and Σ w·δ² with δ = (x − k)·scale; what has weight 0 is not looked at.
template <bool kWeighted, class T, class N>
HWY_INLINE void add_deviations(const T* x, const float* w, N n, V scale, V shift, V& sum,
                               V& squares) {
  V delta = hn::MulSub(load(x, n), scale, shift);
  if constexpr (kWeighted) {
    const V weight = load(w, n);
    delta = hn::IfThenElseZero(hn::Gt(weight, hn::Zero(d)), delta);
    const V weighted = hn::Mul(weight, delta);
    sum = hn::Add(sum, weighted);
    squares = hn::MulAdd(weighted, delta, squares);
  } else {
    if constexpr (!std::is_same_v<N, Full>) delta = hn::IfThenElseZero(n.mask(), delta);
    sum = hn::Add(sum, delta);
    squares = hn::MulAdd(delta, delta, squares);
  }
}

// Four pairs of accumulators: two FMA ports × 4 cycles of latency, with an addition and an FMA per
// vector.
template <bool kWeighted, class T>
HWY_INLINE ShiftedSums sums_of_run(const T* x, const Segments& segments, const float* weights,
                                   std::int64_t weight_stride, float scale, float scaled_shift) {
  const std::int64_t step = lanes();
  const V h = hn::Set(d, scale);
  const V k = hn::Set(d, scaled_shift);
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  V q0 = s0, q1 = s0, q2 = s0, q3 = s0;
  for (std::int64_t segment = 0; segment < segments.count; ++segment) {
    const T* p = x + segment * segments.stride;
    const float* w = kWeighted ? weights + segment * weight_stride : nullptr;
    const auto at = [&](std::int64_t i)
                        EQUIPOISE_INLINE_LAMBDA { return kWeighted ? w + i : nullptr; };
    std::int64_t i = 0;
    for (; i + 4 * step <= segments.length; i += 4 * step) {
      add_deviations<kWeighted>(p + i, at(i), Full(), h, k, s0, q0);
      add_deviations<kWeighted>(p + i + step, at(i + step), Full(), h, k, s1, q1);
      add_deviations<kWeighted>(p + i + 2 * step, at(i + 2 * step), Full(), h, k, s2, q2);
      add_deviations<kWeighted>(p + i + 3 * step, at(i + 3 * step), Full(), h, k, s3, q3);
    }
    for (; i + step <= segments.length; i += step) {
      add_deviations<kWeighted>(p + i, at(i), Full(), h, k, s0, q0);
    }
    if (i < segments.length) {
      add_deviations<kWeighted>(p + i, at(i), First{segments.length - i}, h, k, s1, q1);
    }
  }
  return {.sum = sum(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))),
          .sum_of_squares = sum(hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)))};
}

HWY_INLINE float to_float(float x) { return x; }
HWY_INLINE float to_float(std::uint16_t x) {
  BFloat16 b;
  b.bits = x;
  return static_cast<float>(b);
}

// The median of three elements where all count: a single outlier as the shift would cost digits.
template <bool kWeighted, class T>
HWY_INLINE float shift_of_run(const T* x, const RunMoments& tile) {
  if (!tile.centered || tile.segments.count == 0 || tile.segments.length == 0) return 0;
  float k = to_float(x[tile.shift_offset]);
  if (!kWeighted) {
    const float middle = to_float(x[tile.segments.length / 2]);
    const float last = to_float(x[tile.segments.length - 1]);
    k = std::max(std::min(k, middle), std::min(std::max(k, middle), last));
  }
  return std::isfinite(k) ? k : 0;
}

template <bool kWeighted, class T>
HWY_INLINE Moments moments_of_run(const T* x, const RunMoments& tile) {
  const float k = shift_of_run<kWeighted>(x, tile);
  float scale = kPlainScale;
  ShiftedSums sums =
      sums_of_run<kWeighted>(x, tile.segments, tile.weights, tile.weight_stride, scale, k);
  if (const float again = redo_scale(sums); HWY_UNLIKELY(again != kPlainScale)) {
    scale = again;
    sums = sums_of_run<kWeighted>(x, tile.segments, tile.weights, tile.weight_stride, scale,
                                  k * scale);
  }
  return from_sums(sums, tile.count, k, scale, tile.centered);
}

template <class T>
void moments_of_runs_as(const RunMoments& tile, Moments* out) {
  const T* x = static_cast<const T*>(tile.x);
  for (std::int64_t g = 0; g < tile.groups; ++g) {
    const T* group = x + g * tile.group_stride;
    out[g] = tile.weights != nullptr ? moments_of_run<true>(group, tile)
                                     : moments_of_run<false>(group, tile);
  }
}

inline void run_moments(const RunMoments& tile, Moments* out) {
  if (tile.dtype == DType::kF32) {
    moments_of_runs_as<float>(tile, out);
  } else {
    moments_of_runs_as<std::uint16_t>(tile, out);
  }
}

template <bool kWeighted, class T>
HWY_INLINE void add_panel(const T* x, std::int64_t rows, std::int64_t stride, const float* w,
                          std::int64_t weight_stride, std::int64_t length, V scale,
                          const LaneSums& tile) {
  const std::int64_t step = lanes();
  for_columns<4, 8>(
      rows, length,
      [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns, auto n)
          EQUIPOISE_INLINE_LAMBDA {
            constexpr int kColumns = columns();
            V k[kColumns], sum[kColumns], squares[kColumns];
            unrolled<kColumns>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              k[j()] = hn::Load(d, tile.shift + i + j() * step);
              sum[j()] = hn::Zero(d);
              squares[j()] = hn::Zero(d);
            });
            for (std::int64_t r = first; r < first + count; ++r) {
              unrolled<kColumns>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
                const std::int64_t column = i + j() * step;
                add_deviations<kWeighted>(x + r * stride + column,
                                          kWeighted ? w + r * weight_stride + column : nullptr, n,
                                          scale, k[j()], sum[j()], squares[j()]);
              });
            }
            unrolled<kColumns>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              float* sums = tile.sum + i + j() * step;
              float* sums_of_squares = tile.sum_of_squares + i + j() * step;
              hn::Store(hn::Add(hn::Load(d, sums), sum[j()]), d, sums);
              hn::Store(hn::Add(hn::Load(d, sums_of_squares), squares[j()]), d, sums_of_squares);
            });
          });
}

template <bool kWeighted, class T>
void sums_of_lanes_as(const LaneSums& tile) {
  const T* x = static_cast<const T*>(tile.x);
  const V scale = hn::Set(d, tile.scale);
  const Segments& s = tile.segments;
  const std::int64_t padded = (tile.width + 15) / 16 * 16;
  std::fill_n(tile.sum, padded, 0.0F);
  std::fill_n(tile.sum_of_squares, padded, 0.0F);
  if (s.length <= tile.width) {  // the rows are the segments
    add_panel<kWeighted>(x, s.count, s.stride, tile.weights, tile.weight_stride, s.length, scale,
                         tile);
    return;
  }
  const std::int64_t rows = s.length / tile.width;
  const std::int64_t rest = s.length - rows * tile.width;
  for (std::int64_t segment = 0; segment < s.count; ++segment) {
    const T* p = x + segment * s.stride;
    const float* w = kWeighted ? tile.weights + segment * tile.weight_stride : nullptr;
    add_panel<kWeighted>(p, rows, tile.width, w, tile.width, tile.width, scale, tile);
    if (rest > 0) {
      const std::int64_t done = rows * tile.width;
      add_panel<kWeighted>(p + done, 1, 0, kWeighted ? w + done : nullptr, 0, rest, scale, tile);
    }
  }
}

inline void lane_sums(const LaneSums& tile) {
  const bool weighted = tile.weights != nullptr;
  if (tile.dtype == DType::kF32) {
    weighted ? sums_of_lanes_as<true, float>(tile) : sums_of_lanes_as<false, float>(tile);
  } else {
    weighted ? sums_of_lanes_as<true, std::uint16_t>(tile)
             : sums_of_lanes_as<false, std::uint16_t>(tile);
  }
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
