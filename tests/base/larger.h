#pragma once

#include <cmath>

namespace equipoise::testing {

/// A NaN is larger than any number, whereas std::max loses it.
inline double larger(double a, double b) { return std::isnan(a) || a > b ? a : b; }

}  // namespace equipoise::testing
