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
#include "norm/tile-inl.h"

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
HWY_INLINE ShiftedSums sums_of_run(const T* x, const float* weights, std::int64_t length,
                                   float scale, float scaled_shift) {
  const std::int64_t step = lanes();
  const V h = hn::Set(d, scale);
  const V k = hn::Set(d, scaled_shift);
  V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  V q0 = s0, q1 = s0, q2 = s0, q3 = s0;
  const auto w = [&](std::int64_t i)
                     EQUIPOISE_INLINE_LAMBDA { return kWeighted ? weights + i : nullptr; };
  std::int64_t i = 0;
  for (; i + 4 * step <= length; i += 4 * step) {
    add_deviations<kWeighted>(x + i, w(i), Full(), h, k, s0, q0);
    add_deviations<kWeighted>(x + i + step, w(i + step), Full(), h, k, s1, q1);
    add_deviations<kWeighted>(x + i + 2 * step, w(i + 2 * step), Full(), h, k, s2, q2);
    add_deviations<kWeighted>(x + i + 3 * step, w(i + 3 * step), Full(), h, k, s3, q3);
  }
  for (; i + step <= length; i += step) {
    add_deviations<kWeighted>(x + i, w(i), Full(), h, k, s0, q0);
  }
  if (i < length) add_deviations<kWeighted>(x + i, w(i), First{length - i}, h, k, s1, q1);
  return {.sum = sum(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))),
          .sum_of_squares = sum(hn::Add(hn::Add(q0, q1), hn::Add(q2, q3)))};
}

HWY_INLINE float to_float(float x) { return x; }
HWY_INLINE float to_float(std::uint16_t x) {
  BFloat16 b;
  b.bits = x;
  return static_cast<float>(b);
}

// Of a run whose sums around k in f32 are no good: scaled where they overflow or vanish, and around
// their mean where they cancel.
template <class T>
HWY_NOINLINE Moments moments_of_run_redone(const T* x, std::int64_t length, bool centered, float k,
                                           ShiftedSums sums) {
  const auto count = static_cast<double>(length);
  const float scale = redo_scale(sums);
  if (scale != kPlainScale) sums = sums_of_run<false>(x, nullptr, length, scale, k * scale);
  if (centered && cancels(sums, count)) {
    k = static_cast<float>(from_sums(sums, count, k, scale, true).mean);
    sums = sums_of_run<false>(x, nullptr, length, scale, k * scale);
  }
  return from_sums(sums, count, k, scale, centered);
}

template <class T>
HWY_INLINE Moments moments_of_run(const T* x, std::int64_t length, bool centered) {
  const auto count = static_cast<double>(length);
  const float k =
      centered ? robust_shift(to_float(x[0]), to_float(x[length / 2]), to_float(x[length - 1])) : 0;
  const ShiftedSums sums = sums_of_run<false>(x, nullptr, length, kPlainScale, k);
  if (HWY_UNLIKELY(redo_scale(sums) != kPlainScale || (centered && cancels(sums, count)))) {
    return moments_of_run_redone(x, length, centered, k, sums);
  }
  return from_sums(sums, count, k, kPlainScale, centered);
}

template <class T>
void moments_of_runs_as(const RunMoments& of, Moments* out) {
  const T* x = static_cast<const T*>(of.x);
  for (std::int64_t i = 0; i < of.runs; ++i)
    out[i] = moments_of_run(x + i * of.stride, of.length, of.centered);
}

inline void runs_moments(const RunMoments& of, Moments* out) {
  of.dtype == DType::kF32 ? moments_of_runs_as<float>(of, out)
                          : moments_of_runs_as<std::uint16_t>(of, out);
}

template <bool kWeighted, class T>
struct MomentsBody {
  const MomentsTile& tile;
  const T* x = static_cast<const T*>(tile.x);

  HWY_NOINLINE void rows(const Panel& panel) const {
    const std::int64_t step = lanes();
    const V scale = hn::Set(d, tile.scale);
    const PanelWeights weights(tile, panel, tile.weights, tile.weight_stride);
    const std::int64_t first_lane = panel.block * tile.lane_stride;
    for_columns<4, 8>(
        panel.rows, panel.length, panel.tail,
        [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns, auto n)
            EQUIPOISE_INLINE_LAMBDA {
              constexpr int kColumns = columns();
              V k[kColumns], sum[kColumns], squares[kColumns];
              for_lanes<kColumns>(panel, i, [&](auto j, std::int64_t lane) EQUIPOISE_INLINE_LAMBDA {
                k[j()] = hn::LoadU(d, tile.shift + first_lane + lane);
                sum[j()] = hn::Zero(d);
                squares[j()] = hn::Zero(d);
              });
              for (std::int64_t r = first; r < first + count; ++r) {
                unrolled<kColumns>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
                  const std::int64_t column = i + j() * step;
                  add_deviations<kWeighted>(x + panel.offset + r * panel.stride + column,
                                            weights.at(r, column), n, scale, k[j()], sum[j()],
                                            squares[j()]);
                });
              }
              for_lanes<kColumns>(panel, i, [&](auto j, std::int64_t lane) EQUIPOISE_INLINE_LAMBDA {
                add_to(tile.sum + first_lane + lane, sum[j()]);
                add_to(tile.sum_of_squares + first_lane + lane, squares[j()]);
              });
            });
  }

  HWY_INLINE void all() const {
    std::fill_n(tile.sum, tile.blocks * tile.lane_stride, 0.0F);
    std::fill_n(tile.sum_of_squares, tile.blocks * tile.lane_stride, 0.0F);
    if (tile.form == Form::kRuns) {
      for_runs(tile, [&](std::int64_t segment, std::int64_t block,
                         std::int64_t offset) EQUIPOISE_INLINE_LAMBDA {
        const ShiftedSums sums =
            sums_of_run<kWeighted>(x + offset, tile.weights + segment * tile.weight_stride,
                                   tile.segments.length, tile.scale, tile.shift[block]);
        tile.sum[block] += static_cast<float>(sums.sum);
        tile.sum_of_squares[block] += static_cast<float>(sums.sum_of_squares);
      });
      return;
    }
    for_panels<4>(tile, static_cast<const T*>(nullptr),
                  [&](const Panel& panel) EQUIPOISE_INLINE_LAMBDA { rows(panel); });
  }
};

template <class T>
void moments_as(const MomentsTile& tile) {
  if (tile.weights != nullptr) {
    MomentsBody<true, T>{tile}.all();
  } else {
    MomentsBody<false, T>{tile}.all();
  }
}

inline void moments_tile(const MomentsTile& tile) {
  tile.dtype == DType::kF32 ? moments_as<float>(tile) : moments_as<std::uint16_t>(tile);
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
