#include "norm/moments.h"

#include <algorithm>
#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "norm/moments.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>

#include "norm/moments-inl.h"

#if HWY_ONCE

namespace equipoise {

Moments merge(const Moments& a, const Moments& b) {
  if (a.count == 0) return b;
  if (b.count == 0) return a;
  const double count = a.count + b.count;
  const double delta = b.mean - a.mean;
  if (!std::isfinite(delta)) {  // ∞ − ∞ is NaN, where the mean of the union is ∞
    return {count, (a.mean * a.count + b.mean * b.count) / count, std::nan("")};
  }
  return {count, a.mean + delta * (b.count / count),
          a.m2 + b.m2 + delta * delta * (a.count * (b.count / count))};
}

namespace norm {

HWY_EXPORT(moments_tile);
HWY_EXPORT(runs_moments);

void moment_sums(const MomentsTile& tile) { HWY_DYNAMIC_DISPATCH(moments_tile)(tile); }
void moments_of_runs(const RunMoments& of, Moments* out) {
  HWY_DYNAMIC_DISPATCH(runs_moments)(of, out);
}

float redo_scale(ShiftedSums s) {
  if (!std::isfinite(s.sum) || !std::isfinite(s.sum_of_squares)) return kDownScale;
  if (s.sum_of_squares < kSmallSumOfSquares && (s.sum != 0 || s.sum_of_squares != 0))
    return kUpScale;
  return kPlainScale;
}

Moments from_sums(ShiftedSums s, double count, double shift, float scale, bool centered) {
  if (!(count > 0)) return {};
  const double unit = 1.0 / static_cast<double>(scale);
  const double sum = s.sum * unit;
  const double sum_of_squares = s.sum_of_squares * unit * unit;
  if (!centered) return {count, 0, sum_of_squares};
  const double m2 = sum_of_squares - sum * sum / count;
  // Rounding may leave a little less than nothing; NaN stays NaN.
  return {count, shift + sum / count, m2 < 0 ? 0 : m2};
}

}  // namespace norm
}  // namespace equipoise

#endif
