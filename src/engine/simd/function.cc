#include "engine/simd/function.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/simd/function.cc"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "base/targets.h"
#include "engine/simd/function-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {

/// Calls body(i, n) for vectors of n lanes from element i on.
template <class Body>
HWY_INLINE void for_vectors(std::int64_t count, const Body& body) {
  const std::int64_t step = norm::HWY_NAMESPACE::lanes();
  std::int64_t i = 0;
  for (; i + step <= count; i += step) body(i, norm::HWY_NAMESPACE::Full());
  if (i < count) body(i, norm::HWY_NAMESPACE::First{count - i});
}

void apply_function(ops::Function function, float slope, const float* x, float* y,
                    std::int64_t count) {
  with_function(function, slope, [&](const auto f) {
    for_vectors(count, [&](std::int64_t i, auto n)
                           EQUIPOISE_INLINE_LAMBDA { store(f.value(load(x + i, n)), y + i, n); });
  });
}

void apply_function_gradient(ops::Function function, float slope, const float* x, const float* dy,
                             float* dx, std::int64_t count) {
  with_function(function, slope, [&](const auto f) {
    for_vectors(count, [&](std::int64_t i, auto n) EQUIPOISE_INLINE_LAMBDA {
      store(f.gradient(load(x + i, n), load(dy + i, n)), dx + i, n);
    });
  });
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace equipoise::engine {

HWY_EXPORT(apply_function);
HWY_EXPORT(apply_function_gradient);

void apply(ops::Function function, float negative_slope, const float* x, float* y,
           std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(apply_function)(function, negative_slope, x, y, count);
}

void apply_gradient(ops::Function function, float negative_slope, const float* x, const float* dy,
                    float* dx, std::int64_t count) {
  HWY_DYNAMIC_DISPATCH(apply_function_gradient)(function, negative_slope, x, dy, dx, count);
}

}  // namespace equipoise::engine

#endif
