#pragma once

#include <vector>

#include "norm/norm_case.h"

namespace equipoise::testing {

/// Gradients of the loss Σ dy·y of the f64 reference, by central differences. r and d of
/// renormalization are held where they are at the problem itself: the gradient takes them as
/// constants (Ioffe 2017, algorithm 1).
struct Differences {
  Array dx;
  Array dresidual;  ///< empty without a residual
  std::vector<double> dweight;
  std::vector<double> dbias;
};
Differences finite_differences(const Case& test, const Problem& problem);

/// All methods × activations × weightings that there are, at a shape whose spatial size exceeds 1,
/// with a residual.
std::vector<Case> gradient_cases();

}  // namespace equipoise::testing
