// What both sweeps of rows with statistics of their own share: the coefficients of a row, and
// fetching ahead. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ROWS_INL_H_
#undef EQUIPOISE_NORM_ROWS_INL_H_
#else
#define EQUIPOISE_NORM_ROWS_INL_H_
#endif

#include <cstdint>
#include <type_traits>

#include <hwy/cache_control.h>

#include "base/round_up.h"
#include "norm/coefficients-inl.h"
#include "norm/rows.h"
#include "norm/statistics.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// γ and β of each element.
struct ElementParameters {
  const float* weight;
  const float* bias;

  HWY_INLINE V gamma(std::int64_t i) const { return hn::LoadU(d, weight + i); }
  HWY_INLINE V beta(std::int64_t i) const { return hn::LoadU(d, bias + i); }
};

/// γ and β of one vector.
struct VectorParameters {
  V weight, bias;

  HWY_INLINE V gamma(std::int64_t /*i*/) const { return weight; }
  HWY_INLINE V beta(std::int64_t /*i*/) const { return bias; }
};

/// The centre and width of a statistic group as kernels take them, `m` and `correction` multiplied
/// by scale and `rstd` divided by it: x̂ = ((x·scale − m) + correction)·rstd, where the correction
/// is what rounding the mean left over.
struct Center {
  float m;
  float correction;
  float rstd;
  float scale;

  Center(double mean, double exact_rstd)
      : scale(is_extreme(mean, exact_rstd) ? kExtremeScale : 1.0F) {
    const auto rounded = static_cast<float>(mean);
    m = rounded * scale;
    correction =
        static_cast<float>((static_cast<double>(rounded) - mean) * static_cast<double>(scale));
    rstd = static_cast<float>(exact_rstd / static_cast<double>(scale));
  }
};

/// Coefficients of elements of one mean and one rstd: a = γ·rstd and b = β + a·(m − mean) are
/// formed per vector.
template <class Parameters>
struct RowSource {
  Parameters parameters;
  V m, rstd, correction, scale;
  V shift;  // correction·rstd

  HWY_INLINE RowSource(const Center& center, const Parameters& of_elements)
      : parameters(of_elements),
        m(hn::Set(d, center.m)),
        rstd(hn::Set(d, center.rstd)),
        correction(hn::Set(d, center.correction)),
        scale(hn::Set(d, center.scale)),
        shift(hn::Set(d, center.correction * center.rstd)) {}
  HWY_INLINE Affine at(std::int64_t i) const {
    const V a = hn::Mul(parameters.gamma(i), rstd);
    return {a, m, hn::MulAdd(a, correction, parameters.beta(i)), scale};
  }
  /// x̂
  HWY_INLINE V normalized(V deviation) const { return hn::MulAdd(deviation, rstd, shift); }
};

/// How far ahead of the second sweep, which finds its elements in the cache, those of a next group
/// are fetched: memory would idle while it runs. At least 6 KiB of f32: 2 and 16 are slower.
inline std::int64_t elements_ahead(const RowsTile& tile) {
  constexpr std::int64_t kLeast = 1536;
  if (tile.length < tile.stride) return tile.stride;  // strips
  const std::int64_t length = tile.length / tile.groups;
  return length >= kLeast ? length : ceil_div(kLeast, length) * length;
}

/// Into the second level: the first holds the group at work (25 KiB of x and dy where 16 channels
/// of 14×14 are one), and loses it to what comes next. 4 % faster than into the first.
HWY_INLINE void fetch(const void* p) { __builtin_prefetch(p, 0, 2); }

/// The runs of a group in its whole vectors, some of which the end of a run divides: calls
/// inside(i, n, parameters) for those of one run, and across(i, first, parameters) for those whose
/// `first` lanes belong to one run and the rest to the next; done(run) after each. Only the last
/// vector may have fewer lanes. A run is longer than a vector.
template <class Inside, class Across, class Done>
HWY_INLINE void for_runs_of_group(std::int64_t length, std::int64_t run, const float* weight,
                                  const float* bias, Inside&& inside, Across&& across,
                                  Done&& done) {
  const std::int64_t step = lanes();
  VectorParameters now{hn::Set(d, weight[0]), hn::Set(d, bias[0])};
  std::int64_t i = 0;
  for (std::int64_t c = 0, end = run; end <= length; ++c, end += run) {
    for (; i + step <= end; i += step) inside(i, Full(), now);
    if (end == length) {
      if (i < end) inside(i, First{end - i}, now);
    } else {
      const VectorParameters next{hn::Set(d, weight[c + 1]), hn::Set(d, bias[c + 1])};
      if (i < end) {
        const auto first = hn::FirstN(d, static_cast<std::size_t>(end - i));
        across(i, first,
               VectorParameters{hn::IfThenElse(first, now.weight, next.weight),
                                hn::IfThenElse(first, now.bias, next.bias)});
        i += step;
      }
      now = next;
    }
    done(c);
  }
}

/// Whether a group of runs can be streamed to `out` vector by vector.
template <class T>
HWY_INLINE bool is_line(const T* out) {
  return reinterpret_cast<std::uintptr_t>(out) % 64 == 0;
}

template <class To>
To elements_of(const RowsTile& tile) {
  To to;
  to.dtype = tile.dtype;
  to.activation = tile.activation;
  to.negative_slope = tile.negative_slope;
  to.bits = tile.bits;
  to.x = tile.x;
  to.residual = tile.residual;
  return to;
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
