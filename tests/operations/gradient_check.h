#pragma once

#include <string>
#include <vector>

#include "operations/descriptor.h"

namespace equipoise::testing {

/// Of central differences with a step of 1e-4, relative to the largest element of a gradient.
constexpr double kDifferenceTolerance = 1e-5;

/// How far the gradient rule in f64 is from central differences.
struct CheckedGradient {
  std::string name;  ///< of the input or parameter
  /// Relative to the largest element; infinite if the rule gives no gradient, or NaN.
  double error = 0;
  std::int64_t element = 0;  ///< with the largest error
};

/// One per tensor that the case is differentiated by.
std::vector<CheckedGradient> check_gradients(const OperationTest& test);

}  // namespace equipoise::testing
