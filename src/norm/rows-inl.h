// What both sweeps of rows with statistics of their own share: the coefficients of a row. Compiled
// once per instruction set.

#if defined(EQUIPOISE_NORM_ROWS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ROWS_INL_H_
#undef EQUIPOISE_NORM_ROWS_INL_H_
#else
#define EQUIPOISE_NORM_ROWS_INL_H_
#endif

#include "norm/coefficients-inl.h"
#include "norm/rows.h"
#include "norm/statistics.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// Coefficients of a row of one mean and one rstd: a = γ·rstd and b = β + a·(m − mean) are formed
/// per vector.
struct RowSource {
  const float* weight;
  const float* bias;
  V m, rstd, correction, scale;

  HWY_INLINE RowSource(const Center& center, const float* row_weight, const float* row_bias)
      : weight(row_weight),
        bias(row_bias),
        m(hn::Set(d, center.m)),
        rstd(hn::Set(d, center.rstd)),
        correction(hn::Set(d, center.correction)),
        scale(hn::Set(d, center.scale)) {}
  HWY_INLINE Affine at(std::int64_t i) const {
    const V a = hn::Mul(hn::LoadU(d, weight + i), rstd);
    return {a, m, hn::MulAdd(a, correction, hn::LoadU(d, bias + i)), scale};
  }
  HWY_INLINE V normalized(V deviation) const {
    return hn::Mul(hn::Add(deviation, correction), rstd);
  }
};

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
