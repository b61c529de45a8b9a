#include "engine/simd/scale_shift.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/scale_shift.cc"
#include "base/targets.h"

#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using norm::HWY_NAMESPACE::d;
using norm::HWY_NAMESPACE::lanes;
using norm::HWY_NAMESPACE::V;

void rows_of_lanes(const float* x, const float* scale, const float* shift, float factor, float* y,
                   std::int64_t rows, std::int64_t length) {
  norm::HWY_NAMESPACE::for_columns<4, 1>(
      rows, length, 0,
      [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns, auto n)
          EQUIPOISE_INLINE_LAMBDA {
            V scales[columns()];
            V shifts[columns()];
            norm::HWY_NAMESPACE::unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              const std::int64_t c = i + j() * lanes();
              scales[j()] = load(scale + c, n);
              shifts[j()] = hn::Mul(hn::Set(d, factor), load(shift + c, n));
            });
            for (std::int64_t r = first; r < first + count; ++r) {
              norm::HWY_NAMESPACE::unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
                const std::int64_t at = r * length + i + j() * lanes();
                store(hn::MulAdd(scales[j()], load(x + at, n), shifts[j()]), y + at, n);
              });
            }
          });
}

void one_row(const float* x, float scale, float shift, float* y, std::int64_t count) {
  const V scales = hn::Set(d, scale);
  const V shifts = hn::Set(d, shift);
  norm::HWY_NAMESPACE::for_columns<4, 1>(
      1, count, 0,
      [&](std::int64_t /*first*/, std::int64_t /*count*/, std::int64_t i, auto columns, auto n)
          EQUIPOISE_INLINE_LAMBDA {
            norm::HWY_NAMESPACE::unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              const std::int64_t at = i + j() * lanes();
              store(hn::MulAdd(scales, load(x + at, n), shifts), y + at, n);
            });
          });
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(rows_of_lanes);
HWY_EXPORT(one_row);

void scale_shift_rows(const float* x, const float* scale, const float* shift, float factor,
                      float* y, std::int64_t rows, std::int64_t lanes) {
  HWY_DYNAMIC_DISPATCH(rows_of_lanes)(x, scale, shift, factor, y, rows, lanes);
}

void scale_shift_row(const float* x, float scale, float shift, float* y, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(one_row)(x, scale, shift, y, count);
}

}  // namespace equipoise::engine

#endif
