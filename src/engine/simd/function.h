#pragma once

#include <cstdint>

#include "equipoise/operations.h"

namespace equipoise::engine {

/// y = f(x), for `count` elements. y may be x.
void apply(ops::Function function, float negative_slope, const float* x, float* y,
           std::int64_t count);

/// dx = dy·f′(x). dx may be x or dy.
void apply_gradient(ops::Function function, float negative_slope, const float* x, const float* dy,
                    float* dx, std::int64_t count);

}  // namespace equipoise::engine
