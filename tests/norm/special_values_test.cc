// NaN, ±∞, values near the ends of f32, denormals, single elements.

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

void expect_same_non_finite(const char* name, const TensorBuffer& actual, const Array& expected,
                            const Array& scale, DType dtype, double relative = kF32Tolerance) {
  const Array values = actual.unpack();
  int reported = 0;
  for (std::int64_t i = 0; i < expected.size() && reported < 5; ++i) {
    const double tolerance =
        relative * scale[i] + storage_rounding(std::abs(expected[i]) + relative * scale[i], dtype);
    const bool same = std::isnan(expected[i])   ? std::isnan(values[i])
                      : std::isinf(expected[i]) ? values[i] == expected[i]
                                                : std::abs(values[i] - expected[i]) <= tolerance;
    if (same) continue;
    ++reported;
    ADD_FAILURE() << name << "[" << i << "] is " << values[i] << " instead of " << expected[i];
  }
  EXPECT_TRUE(actual.guards_intact());
  EXPECT_TRUE(actual.padding_is_zero());
}

/// One element of one channel holds the value; forward, and backward where its derivative is beyond
/// doubt.
void expect_goes_where_the_reference_goes(const Case& test, double value) {
  SCOPED_TRACE(fmt::format("{} with {}", describe(test), value));
  Problem problem = make_problem(test);
  Array& x = problem.arguments.x;
  x(1, 4, x.positions / 2) = value;
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record);
  const auto expected = reference_forward(test, problem);
  expect_same_non_finite("y", forward.y, expected.y, expected.z_scale, test.dtype);
  if (test.method.statistics == Statistics::kRunning && test.activation != Activation::kNone) {
    return;
  }
  const BackwardRun backward = run_backward(test, problem, record);
  const auto gradients = reference_backward(test, problem);
  expect_same_non_finite("dx", backward.dx, gradients.dx, gradients.dx_scale, test.dtype,
                         dx_tolerance(test));
}

TEST(SpecialValues, NanAndInfinityGoWhereTheReferencesGo) {
  for_each_target([] {
    std::uint64_t seed = 0;
    for (const Method& method : all_methods()) {
      for (const Layout layout : kLayouts) {
        for (const Activation activation : kActivations) {
          for (const double value : {kNan, kInfinity, -kInfinity}) {
            ++seed;
            expect_goes_where_the_reference_goes({.method = method,
                                                  .shape = {4, 18, 5, 7},
                                                  .layout = layout,
                                                  .dtype = kDTypes[seed % 5 == 0],
                                                  .activation = activation,
                                                  .seed = seed},
                                                 value);
          }
        }
      }
    }
  });
}

TEST(SpecialValues, NanBehindAMaskStaysThere) {
  for_each_target([] {
    for (const Method& method : all_methods()) {
      if (method.is_row_wise()) continue;
      for (const Layout layout : kLayouts) {
        const Case test{.method = method,
                        .shape = {4, 18, 5, 7},
                        .layout = layout,
                        .activation = Activation::kSilu,
                        .weighting = Weighting::kMask};
        SCOPED_TRACE(describe(test));
        Problem problem = make_problem(test);
        Array& x = problem.arguments.x;
        for (std::int64_t i = 0; i < x.size(); ++i) {
          const std::int64_t n = i / (x.channels * x.positions);
          if (problem.arguments.position_weight(n, i % x.positions) == 0) x[i] = kNan;
        }
        NormRecord record;
        const ForwardRun run = run_forward(test, problem, &record);
        const auto expected = reference_forward(test, problem);
        expect_same_non_finite("y", run.y, expected.y, expected.z_scale, test.dtype);
        for (const double rstd : record.rstd()) EXPECT_TRUE(std::isfinite(rstd));
      }
    }
  });
}

/// Where x, and the residual, are not finite and count nowhere, forward and backward go on without
/// them.
void expect_gradients_without_what_is_masked(const Case& test) {
  SCOPED_TRACE(describe(test));
  Problem problem = make_problem(test);
  reference::Arguments& in = problem.arguments;
  constexpr double kValues[] = {kNan, kInfinity, -kInfinity};
  for (std::int64_t i = 0; i < in.x.size(); ++i) {
    const std::int64_t n = i / (in.x.channels * in.x.positions);
    if (in.position_weight(n, i % in.x.positions) != 0) continue;
    in.x[i] = kValues[i % 3];
    if (test.residual) in.residual[i] = kValues[i / 3 % 3];
    problem.dy[i] = problem.dy_first[i] = problem.dy_second[i] = 0;
  }
  expect_gradients(test, problem);
}

TEST(SpecialValues, BehindAMaskWithoutGradientHaveNoEffectOnAny) {
  for_each_target([] {
    std::uint64_t seed = 0;
    for (const Method& method : all_methods()) {
      if (method.is_row_wise()) continue;
      for (const Layout layout : kLayouts) {
        for (const Activation activation : kActivations) {
          for (const unsigned options : {0U, 1U, 2U, 3U, 4U, 5U, 6U, 7U}) {
            ++seed;
            expect_gradients_without_what_is_masked(
                {.method = method,
                 .shape = {3, 18, 9},
                 .layout = layout,
                 .dtype = kDTypes[seed % 5 == 0],
                 .activation = activation,
                 .residual = (options & 1U) != 0,
                 .weighting = seed % 3 == 0 ? Weighting::kFractional : Weighting::kMask,
                 .dresidual = (options & 2U) != 0,
                 .dy_second = (options & 4U) != 0,
                 .seed = seed});
          }
        }
      }
    }
  });
}

TEST(SpecialValues, RunningStatisticsWithoutAShareHaveNoEffect) {
  for (const Layout layout : kLayouts) {
    Case test{.method = {.statistics = Statistics::kBlend}, .shape = {4, 18, 5, 7}};
    test.layout = layout;
    Problem problem = make_problem(test);
    problem.batch.pseudo_count = 1e-300;
    std::ranges::fill(problem.running_mean, std::numeric_limits<float>::quiet_NaN());
    std::ranges::fill(problem.running_var, std::numeric_limits<float>::infinity());
    NormRecord record;
    const ForwardRun blended = run_forward(test, problem, &record);
    const BackwardRun blended_gradients = run_backward(test, problem, record);
    test.method.statistics = Statistics::kBatch;
    const ForwardRun expected = run_forward(test, problem, &record);
    EXPECT_TRUE(blended.y.bytes() == expected.y.bytes());
    EXPECT_TRUE(blended_gradients.dx.bytes() == run_backward(test, problem, record).dx.bytes());
  }
}

/// Fills x by `value(i)`; everything that is finite in the reference has to be right here.
template <class Value>
void expect_finite_where_the_reference_is(const Case& test, const Value& value) {
  SCOPED_TRACE(describe(test));
  Problem problem = make_problem(test);
  Array& x = problem.arguments.x;
  for (std::int64_t i = 0; i < x.size(); ++i) x[i] = rounded(value(i), test.dtype);
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record);
  const BackwardRun backward = run_backward(test, problem, record);
  const auto expected = reference_forward(test, problem);
  auto gradients = reference_backward(test, problem);
  // Two factors of rstd underflow f32 for inputs beyond 1e19 or so: the bracket of dx loses digits,
  // and all of them where dx is denormal anyway. What counts there is that it is finite.
  double largest = 1e-36;
  for (const double dx : gradients.dx.values) largest = std::max(largest, std::abs(dx));
  for (double& scale : gradients.dx_scale.values) scale += 1e-3 / kF32Tolerance * largest;
  expect_same_non_finite("y", forward.y, expected.y, expected.z_scale, test.dtype);
  expect_same_non_finite("dx", backward.dx, gradients.dx, gradients.dx_scale, test.dtype);
  for (std::size_t i = 0; i < backward.dweight.size(); ++i) {
    EXPECT_NEAR(backward.dweight[i], gradients.dweight[i],
                kF32Tolerance * gradients.dweight_scale[i]);
  }
}

template <class Value>
void for_every_method(const Value& value) {
  for_each_target([&] {
    for (const Method& method : all_methods()) {
      // Statistics of unrelated data would take x̂ itself out of the range of f32.
      if (method.needs_running()) continue;
      for (const Layout layout : kLayouts) {
        expect_finite_where_the_reference_is(
            {.method = method, .shape = {4, 18, 5, 7}, .layout = layout}, value);
      }
    }
  });
}

double hash(std::int64_t i) {
  std::mt19937_64 random(static_cast<std::uint64_t>(i));
  random.discard(3);
  return std::uniform_real_distribution<double>(-1, 1)(random);
}

TEST(SpecialValues, LargestNumbersOfBothSigns) {
  for_every_method([](std::int64_t i) { return 3e38 * hash(i); });
}

TEST(SpecialValues, LargestNumbersAndOneOfTheOtherSign) {
  for_every_method([](std::int64_t i) { return i % 35 == 17 ? -3e38 : 3e38; });
}

TEST(SpecialValues, SquaresThatOverflow) {
  for_every_method([](std::int64_t i) { return 1e20 * hash(i); });
}

// Half of the positions has a dy of 1e38, the other half of −1e38: partial sums overflow, sums are
// 0.
TEST(SpecialValues, GradientSumsThatOverflowOnTheWay) {
  for_each_target([] {
    for (const Method& method : all_methods()) {
      for (const Layout layout : kLayouts) {
        const Case test{.method = method,
                        .shape = {4, 6, 20, 60},
                        .layout = layout,
                        .weight = false,
                        .residual = true,
                        // Those of rows over both dimensions are beyond f32 in the reference too;
                        // rows_test.cc has others.
                        .parameter_gradients = !method.is_row_wise()};
        SCOPED_TRACE(describe(test));
        Problem problem = make_problem(test);
        for (std::int64_t i = 0; i < problem.dy.size(); ++i) {
          problem.arguments.x[i] = i % 2 == 0 ? 3 : -3;
          problem.dy[i] = rounded(i % 1200 < 600 ? 1e38 : -1e38, DType::kF32);
        }
        problem.dy_first = problem.dy;
        expect_gradients(test, problem);
      }
    }
  });
}

TEST(SpecialValues, OneOutlierAmongOrdinaryNumbers) {
  for_every_method([](std::int64_t i) { return i % 35 == 17 ? 1e10 : hash(i); });
}

TEST(SpecialValues, Denormals) {
  for_every_method([](std::int64_t i) { return 1e-40 * hash(i); });
}

TEST(SpecialValues, DenormalsUnderATinyEpsilon) {
  for_each_target([&] {
    for (const Layout layout : kLayouts) {
      expect_finite_where_the_reference_is(
          {.shape = {4, 18, 5, 7}, .layout = layout, .bias = false, .epsilon = 1e-30},
          [](std::int64_t i) { return 1e-40 * hash(i); });
    }
  });
}

TEST(SpecialValues, GroupsOfASingleElementGiveTheBias) {
  for_each_target([&] {
    for (const Layout layout : kLayouts) {
      for (const Activation activation : kActivations) {
        Case test{.shape = {3, 18, 1}, .layout = layout, .activation = activation};
        test.method = {.normalization = Normalization::kInstance};
        test.residual = true;
        expect_matches_reference(test);
        test.shape = {3, 1, 18};
        test.method = {.normalization = Normalization::kLayer,
                       .axes = {.over = NormalizedOver::kChannels}};
        expect_matches_reference(test);
        test.shape = {3, 4, 1};
        test.method = {.normalization = Normalization::kLayer, .axes = {.trailing = 1}};
        expect_matches_reference(test);
      }
    }
  });
}

TEST(SpecialValues, ASampleThatIsAllPaddingIsNormalizedToFiniteNumbers) {
  for_each_target([&] {
    for (const Method& method : {Method{.normalization = Normalization::kInstance},
                                 Method{.normalization = Normalization::kGroup, .groups = 3}}) {
      for (const Layout layout : kLayouts) {
        const Case test{.method = method, .shape = {3, 18, 5}, .layout = layout};
        SCOPED_TRACE(describe(test));
        Problem problem = make_problem(test);
        problem.position_weights.assign(15, 1);
        std::fill_n(problem.position_weights.begin() + 5, 5, 0.0F);
        problem.arguments.position_weights.assign(problem.position_weights.begin(),
                                                  problem.position_weights.end());
        NormRecord record;
        const ForwardRun forward = run_forward(test, problem, &record);
        expect_forward(test, problem, reference_forward(test, problem), forward, &record);
        const BackwardRun backward = run_backward(test, problem, record);
        expect_backward(test, problem, reference_backward(test, problem), backward);
      }
    }
  });
}

}  // namespace
}  // namespace equipoise::testing
