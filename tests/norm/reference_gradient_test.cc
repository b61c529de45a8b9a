// The references' own gradients against central differences: an oracle has to be right before it
// judges.

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "norm/finite_differences.h"

namespace equipoise::testing {
namespace {

/// To 1e-6 of the largest element: differences in f64 with steps of 1e-5 reach about 1e-9.
void expect_close(const char* name, const std::vector<double>& actual,
                  const std::vector<double>& expected) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  double largest = 1e-3;
  for (const double value : expected) largest = std::max(largest, std::abs(value));
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-6 * largest) << name << "[" << i << "]";
  }
}

void expect_reference_gradient(const Case& test) {
  SCOPED_TRACE(describe(test));
  const Problem problem = make_problem(test);
  const reference::Gradients gradients = reference_backward(test, problem);
  const Differences differences = finite_differences(test, problem);
  expect_close("dx", gradients.dx.values, differences.dx.values);
  if (test.residual) {
    expect_close("dresidual", gradients.dresidual.values, differences.dresidual.values);
  }
  expect_close("dweight", gradients.dweight, differences.dweight);
  expect_close("dbias", gradients.dbias, differences.dbias);
}

TEST(ReferenceGradient, IsThatOfFiniteDifferences) {
  for (const Case& test : gradient_cases()) expect_reference_gradient(test);
}

TEST(ReferenceGradient, IsRightWithoutWeightBiasAndResidual) {
  for (Case test : gradient_cases()) {
    test.weight = false;
    test.bias = false;
    test.residual = false;
    expect_reference_gradient(test);
  }
}

TEST(ReferenceGradient, RenormIsClippedInSomeChannelsAndNotInOthers) {
  Case test{.method = {.renorm = true}, .shape = {4, 33, 2, 3}};
  const Problem problem = make_problem(test);
  const auto factors = reference::renorm_factors(problem.arguments, problem.batch);
  const Renorm limits = *problem.batch.renorm;
  const auto clipped = std::ranges::count_if(
      factors.r, [&](double r) { return r == limits.r_max || r == 1 / limits.r_max; });
  const auto shifted =
      std::ranges::count_if(factors.d, [&](double d) { return std::abs(d) == limits.d_max; });
  EXPECT_GT(clipped, 3);
  EXPECT_LT(clipped, 30);
  EXPECT_GT(shifted, 3);
  EXPECT_LT(shifted, 30);
}

}  // namespace
}  // namespace equipoise::testing
