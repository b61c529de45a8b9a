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
/// Sums side by side: an addition has 4 cycles of latency.
constexpr std::int64_t kSums = 4;

/// What is added up: elements of x, or of x·z.
struct Terms {
  const float* x;
  template <class N>
  HWY_INLINE V add(V sum, std::int64_t i, N n) const {
    return hn::Add(sum, load(x + i, n));
  }
};
struct Products {
  const float* x;
  const float* z;
  template <class N>
  HWY_INLINE V add(V sum, std::int64_t i, N n) const {
    return hn::MulAdd(load(x + i, n), load(z + i, n), sum);
  }
};

template <class Of>
double sum_of_row(const Of& of, std::int64_t count) {
  const std::int64_t step = lanes();
  double total = 0;
  for (std::int64_t first = 0; first < count; first += kInARow * kSums * step) {
    const std::int64_t last = std::min(first + kInARow * kSums * step, count);
    V s0 = hn::Zero(d);
    V s1 = s0;
    V s2 = s0;
    V s3 = s0;
    std::int64_t i = first;
    for (; i + kSums * step <= last; i += kSums * step) {
      s0 = of.add(s0, i, Full());
      s1 = of.add(s1, i + step, Full());
      s2 = of.add(s2, i + 2 * step, Full());
      s3 = of.add(s3, i + 3 * step, Full());
    }
    for (; i + step <= last; i += step) s0 = of.add(s0, i, Full());
    if (i < last) s1 = of.add(s1, i, First{last - i});
    const V all = hn::Add(hn::Add(s0, s1), hn::Add(s2, s3));
    total += static_cast<double>(norm::HWY_NAMESPACE::sum(all));
  }
  return total;
}

template <class Of>
void add_columns_of(const Of& of, std::int64_t rows, std::int64_t stride, std::int64_t columns,
                    double* sums) {
  const std::int64_t step = lanes();
  HWY_ALIGN float lane[16] = {};
  for (std::int64_t first = 0; first < rows; first += kInARow * kSums) {
    const std::int64_t last = std::min(first + kInARow * kSums, rows);
    const auto column = [&](std::int64_t c, auto n, std::int64_t count) EQUIPOISE_INLINE_LAMBDA {
      V s[kSums];
      for (V& one : s) one = hn::Zero(d);
      std::int64_t r = first;
      for (; r + kSums <= last; r += kSums) {
        for (std::int64_t k = 0; k < kSums; ++k) s[k] = of.add(s[k], (r + k) * stride + c, n);
      }
      for (; r < last; ++r) s[0] = of.add(s[0], r * stride + c, n);
      hn::Store(hn::Add(hn::Add(s[0], s[1]), hn::Add(s[2], s[3])), d, lane);
      for (std::int64_t i = 0; i < count; ++i) sums[c + i] += static_cast<double>(lane[i]);
    };
    std::int64_t c = 0;
    for (; c + step <= columns; c += step) column(c, Full(), step);
    if (c < columns) column(c, First{columns - c}, columns - c);
  }
}

double row(const float* x, const float* z, std::int64_t count) {
  return z == nullptr ? sum_of_row(Terms{x}, count) : sum_of_row(Products{x, z}, count);
}

void columns_of_rows(const float* x, const float* z, std::int64_t rows, std::int64_t stride,
                     std::int64_t columns, double* sums) {
  z == nullptr ? add_columns_of(Terms{x}, rows, stride, columns, sums)
               : add_columns_of(Products{x, z}, rows, stride, columns, sums);
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(row);
HWY_EXPORT(columns_of_rows);

double sum_of(const float* x, const float* z, std::int64_t count, std::int64_t stride) {
  if (stride == 1) return HWY_DYNAMIC_DISPATCH(row)(x, z, count);
  double total = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const auto term = static_cast<double>(x[i * stride]);
    total += z == nullptr ? term : term * static_cast<double>(z[i * stride]);
  }
  return total;
}

void add_columns(const float* x, const float* z, std::int64_t rows, std::int64_t stride,
                 std::int64_t columns, double* sums) {
  HWY_DYNAMIC_DISPATCH(columns_of_rows)(x, z, rows, stride, columns, sums);
}

}  // namespace equipoise::engine

#endif
