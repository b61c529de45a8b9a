#include "norm/comparison.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace equipoise::testing {
namespace {

/// Reports the worst of all elements once: thousands of lines help nobody. NaN must meet NaN, ∞ the
/// same ∞.
template <class Actual, class Expected, class Tolerance>
void expect_near(const std::string& name, std::int64_t count, const Actual& actual,
                 const Expected& expected, const Tolerance& tolerance) {
  std::int64_t failures = 0;
  std::int64_t worst = 0;
  double worst_excess = 0;
  for (std::int64_t i = 0; i < count; ++i) {
    const double a = actual(i);
    const double e = expected(i);
    double excess = 0;
    if (std::isfinite(a) && std::isfinite(e)) {
      excess = std::abs(a - e) / std::max(tolerance(i), 1e-300);
    } else if (!(std::isnan(a) && std::isnan(e)) && a != e) {
      excess = std::numeric_limits<double>::infinity();
    }
    if (excess <= 1) continue;
    ++failures;
    if (excess > worst_excess) {
      worst_excess = excess;
      worst = i;
    }
  }
  if (failures == 0) return;
  ADD_FAILURE() << fmt::format(
      "{}: {} of {} differ; the worst at {}: {:.9g} instead of {:.9g}, {:.3g} times the tolerance "
      "of {:.3g}",
      name, failures, count, worst, actual(worst), expected(worst), worst_excess, tolerance(worst));
}

void expect_array(const std::string& name, const TensorBuffer& actual, const Array& expected,
                  const Array& scale, DType dtype, double tolerance) {
  const Array values = actual.unpack();
  expect_near(
      name, expected.size(), [&](std::int64_t i) { return values[i]; },
      [&](std::int64_t i) { return expected[i]; },
      [&](std::int64_t i) {
        // Beside it four units of roundoff of the result itself: sigmoid(0) is 0.5 however small
        // the terms.
        const double f32 = tolerance * scale[i] + 2.4e-7 * std::abs(expected[i]);
        return f32 + storage_rounding(std::abs(expected[i]) + f32, dtype);
      });
  EXPECT_TRUE(actual.guards_intact()) << name << " was written out of bounds";
  EXPECT_TRUE(actual.padding_is_zero()) << "the padding of " << name << " is not 0";
}

void expect_parameter_gradient(const std::string& name, const std::vector<float>& actual,
                               const std::vector<double>& expected,
                               const std::vector<double>& scale, double tolerance) {
  ASSERT_EQ(actual.size(), expected.size());
  const auto at = [](const auto& values) {
    return [&](std::int64_t i) { return double(values[static_cast<std::size_t>(i)]); };
  };
  expect_near(name, std::int64_t(expected.size()), at(actual), at(expected),
              [&](std::int64_t i) { return tolerance * scale[static_cast<std::size_t>(i)]; });
}

void expect_statistics(const Case& test, const reference::Output& expected,
                       const NormRecord& record) {
  const auto rstd = record.rstd();
  const auto mean = record.mean();
  ASSERT_EQ(rstd.size(), expected.rstd.size());
  ASSERT_EQ(mean.size(), expected.mean.size());
  const auto groups = static_cast<std::int64_t>(rstd.size());
  expect_near(
      "rstd", groups, [&](auto i) { return rstd[std::size_t(i)]; },
      [&](auto i) { return expected.rstd[std::size_t(i)]; },
      [&](auto i) { return kVarianceTolerance / 2 * expected.rstd[std::size_t(i)]; });
  expect_near(
      "mean", groups, [&](auto i) { return mean[std::size_t(i)]; },
      [&](auto i) { return expected.mean[std::size_t(i)]; },
      [&](auto i) {
        return kF32Tolerance / expected.rstd[std::size_t(i)] +
               1e-12 * std::abs(expected.mean[std::size_t(i)]);
      });

  const bool has_moments =
      !test.method.is_row_wise() &&
      (test.method.statistics != Statistics::kRunning || test.method.collect_moments);
  if (has_moments) {
    expect_moments(record.moments(), expected.moments);
  } else {
    EXPECT_TRUE(record.moments().empty()) << "moments that nobody computed";
  }
}

}  // namespace

double storage_rounding(double value, DType dtype) {
  if (dtype == DType::kF32) return 0;
  return std::ldexp(1.0, std::max(std::ilogb(std::max(std::abs(value), 1e-37)), -126) - 8);
}

double y_tolerance(const Case& test) {
  return test.values == Values::kOutliers ? kVarianceTolerance : kF32Tolerance;
}

double dx_tolerance(const Case& test) {
  const bool from_stored_dz = test.dresidual && test.dtype == DType::kBF16;
  const double f32 = test.values == Values::kLargeMean ? 1e-4 : y_tolerance(test);
  return f32 + (from_stored_dz ? 1.5 * 0x1p-8 : 0);
}

void expect_moments(std::span<const Moments> actual, std::span<const Moments> expected) {
  ASSERT_EQ(actual.size(), expected.size());
  const auto groups = static_cast<std::int64_t>(expected.size());
  const auto e = [&](std::int64_t i) { return expected[static_cast<std::size_t>(i)]; };
  const auto a = [&](std::int64_t i) { return actual[static_cast<std::size_t>(i)]; };
  expect_near(
      "count", groups, [&](auto i) { return a(i).count; }, [&](auto i) { return e(i).count; },
      [&](auto i) { return e(i).count == std::floor(e(i).count) ? 0 : 1e-6 * e(i).count; });
  expect_near(
      "mean", groups, [&](auto i) { return a(i).mean; }, [&](auto i) { return e(i).mean; },
      [&](auto i) {
        return kF32Tolerance * std::sqrt(e(i).variance()) + 1e-12 * std::abs(e(i).mean);
      });
  expect_near(
      "variance", groups, [&](auto i) { return a(i).variance(); },
      [&](auto i) { return e(i).variance(); },
      [&](auto i) { return kVarianceTolerance * e(i).variance() + 1e-24 * e(i).mean * e(i).mean; });
}

void expect_forward(const Case& test, const Problem& problem, const reference::Output& expected,
                    const ForwardRun& run, const NormRecord* record) {
  expect_array("y", run.y, expected.y, expected.z_scale, test.dtype, y_tolerance(test));
  if (record != nullptr) expect_statistics(test, expected, *record);
  if (test.sample_moments) {
    expect_moments(run.sample_moments,
                   reference::moments(problem.arguments.x, {.samples = 1, .channels = 1},
                                      problem.arguments.position_weights));
  }
}

void expect_backward(const Case& test, const Problem& problem, const reference::Gradients& expected,
                     const BackwardRun& run) {
  if (test.dx) {
    expect_array("dx", run.dx, expected.dx, expected.dx_scale, test.dtype, dx_tolerance(test));
  }
  if (test.dresidual) {
    Array scale = problem.dy;  // act' is at most about 1
    for (double& value : scale.values) value = std::abs(value);
    expect_array("dresidual", run.dresidual, expected.dresidual, scale, test.dtype,
                 y_tolerance(test));
  }
  if (test.parameter_gradients) {
    expect_parameter_gradient("dweight", run.dweight, expected.dweight, expected.dweight_scale,
                              y_tolerance(test));
    expect_parameter_gradient("dbias", run.dbias, expected.dbias, expected.dbias_scale,
                              y_tolerance(test));
  }
}

void expect_gradients(const Case& test, const Problem& problem) {
  NormRecord record;
  run_forward(test, problem, &record);
  expect_backward(test, problem, reference_backward(test, problem),
                  run_backward(test, problem, record));
}

void expect_matches_reference(const Case& test) {
  SCOPED_TRACE(describe(test));
  // Reused from case to case: whatever an earlier, larger one left must not matter.
  static NormRecord record;
  static Workspace workspace;
  const Problem problem = make_problem(test);
  const ForwardRun forward = run_forward(test, problem, &record, &workspace);
  expect_forward(test, problem, reference_forward(test, problem), forward, &record);
  const BackwardRun backward = run_backward(test, problem, record, &workspace);
  expect_backward(test, problem, reference_backward(test, problem), backward);
}

}  // namespace equipoise::testing
