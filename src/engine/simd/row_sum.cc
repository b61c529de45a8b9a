#include "engine/simd/row_sum.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/row_sum.cc"
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

/// f32 additions in a row, at most, before a sum goes to f64: 32 lose 2e-6 of it at worst.
constexpr std::int64_t kInARow = 32;

double sum_of_row(const float* x, std::int64_t count) {
  const std::int64_t step = lanes();
  constexpr std::int64_t kSums = 4;  // 4 cycles of latency of an addition
  double total = 0;
  for (std::int64_t first = 0; first < count; first += kInARow * kSums * step) {
    const std::int64_t last = std::min(first + kInARow * kSums * step, count);
    V s0 = hn::Zero(d);
    V s1 = s0;
    V s2 = s0;
    V s3 = s0;
    std::int64_t i = first;
    for (; i + kSums * step <= last; i += kSums * step) {
      s0 = hn::Add(s0, load(x + i, Full()));
      s1 = hn::Add(s1, load(x + i + step, Full()));
      s2 = hn::Add(s2, load(x + i + 2 * step, Full()));
      s3 = hn::Add(s3, load(x + i + 3 * step, Full()));
    }
    for (; i + step <= last; i += step) s0 = hn::Add(s0, load(x + i, Full()));
    if (i < last) s1 = hn::Add(s1, load(x + i, First{last - i}));
    const V all = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
    total += static_cast<double>(norm::HWY_NAMESPACE::sum(all));
  }
  return total;
}

void add_columns_of(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                    double* sums) {
  const std::int64_t step = lanes();
  HWY_ALIGN float lane[16] = {};
  for (std::int64_t first = 0; first < rows; first += kInARow) {
    const std::int64_t last = std::min(first + kInARow, rows);
    const auto column = [&](std::int64_t c, auto n, std::int64_t count) EQUIPOISE_INLINE_LAMBDA {
      V s = hn::Zero(d);
      for (std::int64_t r = first; r < last; ++r) s = hn::Add(s, load(x + r * stride + c, n));
      hn::Store(s, d, lane);
      for (std::int64_t i = 0; i < count; ++i) sums[c + i] += static_cast<double>(lane[i]);
    };
    std::int64_t c = 0;
    for (; c + step <= columns; c += step) column(c, Full(), step);
    if (c < columns) column(c, First{columns - c}, columns - c);
  }
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(sum_of_row);
HWY_EXPORT(add_columns_of);

double sum_of(const float* x, std::int64_t count, std::int64_t stride) {
  if (stride == 1) return HWY_DYNAMIC_DISPATCH(sum_of_row)(x, count);
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) total += static_cast<double>(x[i * stride]);
  return total;
}

void add_columns(const float* x, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                 double* sums) {
  HWY_DYNAMIC_DISPATCH(add_columns_of)(x, rows, stride, columns, sums);
}

}  // namespace equipoise::engine

#endif
