#include <limits>
#include <random>

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

/// All of a problem but its values are unused here.
Case values_of(const Shape& shape, Layout layout, DType dtype, Weighting weighting) {
  return {.shape = shape,
          .layout = layout,
          .dtype = dtype,
          .weighting = weighting,
          .misalignment = 1,
          .seed = 3};
}

TEST(Moments, OfEveryNormalizationsGroupsAreThoseOfTheReference) {
  for_each_target([] {
    for (const Shape& shape : {Shape{5, 12, 3, 7}, Shape{5, 12}, Shape{4, 6, 700}}) {
      for (const Layout layout : kLayouts) {
        for (const DType dtype : kDTypes) {
          for (const Weighting weighting : kWeightings) {
            const Case test = values_of(shape, layout, dtype, weighting);
            const Problem problem = make_problem(test);
            const Array& values = problem.arguments.x;
            const TensorBuffer x(values, shape, layout, dtype, test.misalignment);
            for (const std::int64_t samples : {1, 2, 5}) {
              for (const std::int64_t channels :
                   {std::int64_t{1}, std::int64_t{3}, shape.channels()}) {
                if (samples > 1 && channels > 1) continue;  // no normalization's
                SCOPED_TRACE(describe(test) + " samples=" + std::to_string(samples) +
                             " channels=" + std::to_string(channels));
                const Partition partition{.samples = samples, .channels = channels};
                const auto expected =
                    reference::moments(values, partition, problem.arguments.position_weights);
                std::vector<Moments> actual(expected.size());
                moments(x.view(), partition, problem.position_weights, actual);
                expect_moments(actual, expected);
              }
            }
          }
        }
      }
    }
  });
}

TEST(Moments, PositionsOfWeightZeroAreNotLookedAt) {
  for_each_target([] {
    for (const Layout layout : kLayouts) {
      const Case test = values_of({4, 6, 70}, layout, DType::kF32, Weighting::kMask);
      Problem problem = make_problem(test);
      Array& values = problem.arguments.x;
      for (std::int64_t i = 0; i < values.size(); ++i) {
        const std::int64_t position = i / (6 * 70) * 70 + i % 70;
        if (problem.position_weights[static_cast<std::size_t>(position)] == 0) {
          values[i] = i % 2 == 0 ? std::numeric_limits<double>::quiet_NaN()
                                 : std::numeric_limits<double>::infinity();
        }
      }
      SCOPED_TRACE(describe(test));
      const TensorBuffer x(values, test.shape, layout, DType::kF32);
      const Partition partition{.samples = 4, .channels = 1};
      std::vector<Moments> actual(6);
      moments(x.view(), partition, problem.position_weights, actual);
      expect_moments(actual,
                     reference::moments(values, partition, problem.arguments.position_weights));
    }
  });
}

TEST(Moments, OfAGroupWithoutWeightAreZero) {
  const std::vector<float> x(12, 3.0F);
  const std::vector<float> weights = {0, 0, 0, 1, 1, 0};
  std::vector<Moments> actual(4, Moments{.count = 9, .mean = 9, .m2 = 9});
  moments({.data = x.data(), .shape = {2, 2, 3}}, {.samples = 1, .channels = 1}, weights, actual);
  EXPECT_EQ(actual[0].count, 0);
  EXPECT_EQ(actual[0].mean, 0);
  EXPECT_EQ(actual[0].m2, 0);
  EXPECT_EQ(actual[0].variance(), 0);
  EXPECT_EQ(actual[3].count, 2);
  EXPECT_EQ(actual[3].mean, 3);
}

TEST(Moments, MergedAreThoseOfTheUnion) {
  std::mt19937_64 random(5);
  std::normal_distribution<double> normal(1e4, 0.1);
  Array all(1, 1, 1000);
  for (double& value : all.values) value = normal(random);
  Array first(1, 1, 130);
  Array second(1, 1, 870);
  std::copy_n(all.values.begin(), 130, first.values.begin());
  std::copy_n(all.values.begin() + 130, 870, second.values.begin());
  const auto of = [](const Array& array) { return reference::moments(array, {}, {})[0]; };
  const Moments merged = merge(of(first), of(second));
  EXPECT_EQ(merged.count, 1000);
  EXPECT_NEAR(merged.mean, of(all).mean, 1e-11);
  EXPECT_NEAR(merged.variance(), of(all).variance(), 1e-12);
}

TEST(Moments, MergingWithNothingChangesNothing) {
  const Moments some{.count = 3, .mean = 0.1, .m2 = 7};
  for (const Moments& merged : {merge(some, {}), merge({}, some)}) {
    EXPECT_EQ(merged.count, some.count);
    EXPECT_EQ(merged.mean, some.mean);
    EXPECT_EQ(merged.m2, some.m2);
  }
  EXPECT_EQ(merge({}, {}).count, 0);
  EXPECT_EQ(merge({}, {}).mean, 0);
  EXPECT_EQ(merge({}, {}).m2, 0);
}

TEST(Moments, VarianceIsBiasedOrUnbiased) {
  const Moments moments{.count = 5, .mean = 1, .m2 = 20};
  EXPECT_EQ(moments.variance(), 4);
  EXPECT_EQ(moments.unbiased_variance(), 5);
}

}  // namespace
}  // namespace equipoise::testing
