#pragma once

#include <string>
#include <vector>

#include "stress/reference.h"

namespace equipoise::bench {

/// What is asked of a case. Where the reference is finite, ours must be, and NaN and ±Inf must be
/// where it has them, in all of them.
struct Bounds {
  double variance = 1e-3;  ///< relative error; where the true variance is 0, it must be 0
  double y = 1e-5;         ///< error over the range of y in its channel (at least 1)
  double dx = 1e-3;        ///< error over the largest |dx| of its channel
};

/// Where f32 runs out of exponents (gradients of 1e-39), it has fewer digits to be right in.
inline constexpr Bounds kExtremeBounds{.variance = 1e-2, .y = 1e-5, .dx = 1e-2};

struct StressCase {
  std::string name;
  Problem problem;
  Bounds bounds;
};

/// A case measured: values of channel 0 and the worst errors over channels and layouts.
struct StressRow {
  std::string name;
  double naive_variance = 0;
  double variance = 0;
  double true_variance = 0;
  double variance_error = 0;
  double y_error = 0;
  double dx_error = 0;
  bool finite_as_reference = true;
  bool within_bounds = true;
};

/// The means of the stress table, then the extremes.
std::vector<StressCase> mean_cases();
std::vector<StressCase> extreme_cases();

/// In every layout.
StressRow measure(const StressCase& stress_case);

}  // namespace equipoise::bench
