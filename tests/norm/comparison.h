#pragma once

#include <string>

#include "norm/norm_case.h"

namespace equipoise::testing {

/// Relative to the sum of the absolute values of the terms of a result. Arithmetic in f32 has a
/// unit roundoff of 6e-8; sums of a tile, a normalization and a polynomial for e^z take a few dozen
/// of them in the worst case.
inline constexpr double kF32Tolerance = 1e-5;

/// Of a variance, relative. A lane may add up a thousand squares of a tile one by one, and Σd² −
/// (Σd)²/n cancels some of it where the shift is far from the mean; norm.h promises 1e-3.
inline constexpr double kVarianceTolerance = 1e-4;

/// Half a unit in the last place of bf16 (8 significant bits) at that value; 0 for f32.
double storage_rounding(double value, DType dtype);

/// Of y and dz: x̂ inherits half of the error of the variance, which is larger with outliers.
double y_tolerance(const Case& test);
/// Of dx. Where dz is stored in bf16 on the way, dx is made of what was stored: half a unit of bf16
/// of dz beside it, which is up to 1.5·dy (hard-swish). Around a mean of 10,000 deviations f32
/// holds x − mean to 6e-4 deviations only, which its correction brings to 1e-4.
double dx_tolerance(const Case& test);

void expect_forward(const Case& test, const Problem& problem, const reference::Output& expected,
                    const ForwardRun& run, const NormRecord* record);
void expect_backward(const Case& test, const Problem& problem, const reference::Gradients& expected,
                     const BackwardRun& run);
/// Count exactly for weights 0 and 1; mean to kF32Tolerance of the standard deviation, variance to
/// 1e-4 of itself.
void expect_moments(std::span<const Moments> actual, std::span<const Moments> expected);

/// Runs forward and backward, compares the gradients.
void expect_gradients(const Case& test, const Problem& problem);

/// Makes the problem, runs forward and backward, compares all of it.
void expect_matches_reference(const Case& test);

}  // namespace equipoise::testing
