// Standard deviation 0.1 around means up to 1e4, where E[x²] − E[x]² in f32 gives a variance of 24
// instead of 0.01.

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "base/larger.h"
#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

constexpr double kMeans[] = {1e2, 1e3, 1e4};

Problem stress_problem(const Case& test, double mean) {
  Problem problem = make_problem(test);
  std::mt19937_64 random(11);
  std::normal_distribution<double> normal(mean, 0.1);
  for (double& value : problem.arguments.x.values) value = rounded(normal(random), test.dtype);
  return problem;
}

double largest(const Array& array) {
  double result = 0;
  for (const double value : array.values) result = larger(result, std::abs(value));
  return result;
}

double largest_difference(const Array& a, const Array& b) {
  double result = 0;
  for (std::int64_t i = 0; i < a.size(); ++i) result = larger(result, std::abs(a[i] - b[i]));
  return result;
}

double range(const Array& array) {
  const auto [low, high] = std::ranges::minmax(array.values);
  return high - low;
}

void expect_stress_table(const Method& method) {
  for_each_target([&] {
    for (const Layout layout : kLayouts) {
      for (const double mean : kMeans) {
        const Case test{.method = method, .shape = {8, 20, 14, 14}, .layout = layout};
        SCOPED_TRACE(fmt::format("{} mean={}", describe(test), mean));
        const Problem problem = stress_problem(test, mean);
        NormRecord record;
        const ForwardRun forward = run_forward(test, problem, &record);
        const BackwardRun backward = run_backward(test, problem, record);
        const reference::Output expected = reference_forward(test, problem);
        const reference::Gradients gradients = reference_backward(test, problem);

        ASSERT_EQ(record.rstd().size(), expected.moments.size());
        for (std::size_t g = 0; g < expected.moments.size(); ++g) {
          const double variance = expected.moments[g].variance();
          const double actual = 1 / (record.rstd()[g] * record.rstd()[g]) - test.epsilon;
          EXPECT_NEAR(actual, variance, 1e-3 * variance) << "group " << g;
        }
        EXPECT_LT(largest_difference(forward.y.unpack(), expected.y), 1e-5 * range(expected.y));
        EXPECT_LT(largest_difference(backward.dx.unpack(), gradients.dx),
                  1e-3 * largest(gradients.dx));
      }
    }
  });
}

TEST(StressTable, BatchNorm) { expect_stress_table({.normalization = Normalization::kBatch}); }

TEST(StressTable, InstanceNorm) {
  expect_stress_table({.normalization = Normalization::kInstance});
}

TEST(StressTable, GroupNorm) {
  expect_stress_table({.normalization = Normalization::kGroup, .groups = 5});
}

TEST(StressTable, LayerNormOverTrailingDimensions) {
  expect_stress_table({.normalization = Normalization::kLayer, .axes = {.trailing = 3}});
}

TEST(StressTable, LayerNormOverChannels) {
  expect_stress_table(
      {.normalization = Normalization::kLayer, .axes = {.over = NormalizedOver::kChannels}});
}

// What norm.h promises: |mean| up to 1e5 standard deviations.
TEST(StressTable, VarianceIsRightUpToAMeanOf1e5Deviations) {
  for_each_target([] {
    for (const Layout layout : kLayouts) {
      Case test{.shape = {8, 20, 14, 14}, .layout = layout};
      const Problem problem = stress_problem(test, 1e4);
      const TensorBuffer x(problem.arguments.x, test.shape, layout, DType::kF32);
      const Partition partition{.samples = 8, .channels = 1};
      std::vector<Moments> actual(20);
      moments(x.view(), partition, {}, actual);
      const auto expected = reference::moments(problem.arguments.x, partition, {});
      for (std::size_t c = 0; c < actual.size(); ++c) {
        EXPECT_NEAR(actual[c].variance() / expected[c].variance(), 1, 1e-3);
      }
    }
  });
}

// A tile takes its shift from three of its values: one of 10,000 deviations among them must not
// cost the variance its digits.
TEST(StressTable, VarianceIsRightWhereATileStartsWithAnOutlier) {
  for_each_target([] {
    for (const Layout layout : kLayouts) {
      for (const std::int64_t positions : {50, 1000, 8192, 40000}) {
        const Case test{.shape = {2, 3, positions}, .layout = layout};
        SCOPED_TRACE(describe(test));
        Problem problem = stress_problem(test, 0);
        for (std::int64_t c = 0; c < 3; ++c) problem.arguments.x(0, c, 0) = 1e3;
        const TensorBuffer x(problem.arguments.x, test.shape, layout, DType::kF32);
        const Partition partition{.samples = 2, .channels = 1};
        std::vector<Moments> actual(3);
        moments(x.view(), partition, {}, actual);
        const auto expected = reference::moments(problem.arguments.x, partition, {});
        for (std::size_t c = 0; c < actual.size(); ++c) {
          EXPECT_NEAR(actual[c].variance() / expected[c].variance(), 1, 1e-3);
        }
      }
    }
  });
}

// A base and what stands at two of the three places that a shift is taken from. Sums cancel; with
// some they overflow first, or vanish.
void expect_variance_despite_two_outliers(Case test, std::int64_t tile) {
  test.epsilon = 1e-60;
  const std::int64_t first = 0;
  const std::int64_t middle = tile / 2;
  const std::int64_t last = tile - 1;
  struct Outliers {
    std::int64_t i, j;
    double base, outlier;
  };
  for (const Outliers& two : {Outliers{first, last, 1e4, 0}, Outliers{first, last, 1, 3e38},
                              Outliers{first, middle, 1e4, 0}, Outliers{first, middle, 1e-18, 0},
                              Outliers{middle, last, 1e4, 0}, Outliers{middle, last, 1, 1e10}}) {
    SCOPED_TRACE(fmt::format("{} of {} with {} at {} and {}", describe(test), two.base, two.outlier,
                             two.i, two.j));
    Problem problem = make_problem(test);
    Array& x = problem.arguments.x;
    for (std::int64_t k = 0; k < x.size(); ++k) {
      const bool is_outlier = k % tile == two.i || k % tile == two.j;
      x[k] = rounded(is_outlier ? two.outlier : two.base, test.dtype);
    }
    NormRecord record;
    run_forward(test, problem, &record);
    const reference::Output expected = reference_forward(test, problem);
    ASSERT_EQ(record.rstd().size(), expected.moments.size());
    for (std::size_t g = 0; g < expected.moments.size(); ++g) {
      const double variance = expected.moments[g].variance();
      EXPECT_NEAR(1 / (record.rstd()[g] * record.rstd()[g]) / variance, 1, 1e-3) << g;
      EXPECT_NEAR((record.mean()[g] - expected.moments[g].mean) / std::sqrt(variance), 0, 1e-4);
    }
  }
}

/// Positions of a tile of one channel (or of one block).
std::int64_t tile_positions(Layout layout) {
  if (layout == Layout::kBlocked16) return 2048;
  return layout == Layout::kBlocked8 ? 4096 : 8192;
}

TEST(StressTable, VarianceIsRightWhereATileTakesAnOutlierForItsShift) {
  for_each_target([] {
    for (const Layout layout : kLayouts) {
      const std::int64_t tile = tile_positions(layout);
      for (const Weighting weighting : {Weighting::kNone, Weighting::kFractional}) {
        Case test{.shape = {1, 4, 8192}, .layout = layout, .weighting = weighting};
        expect_variance_despite_two_outliers(test, tile);
        test.method = {.normalization = Normalization::kInstance};
        expect_variance_despite_two_outliers(test, tile);
        test.method = {.normalization = Normalization::kGroup, .groups = 2};
        expect_variance_despite_two_outliers(test, tile);
      }
    }
  });
}

TEST(StressTable, VarianceIsRightWhereARowTakesAnOutlierForItsShift) {
  for_each_target([] {
    Case test;
    test.method = {.normalization = Normalization::kLayer, .axes = {.trailing = 1}};
    for (const std::int64_t length : {8192, 2 * 8192}) {  // the latter in strips
      test.shape = {2, length};
      expect_variance_despite_two_outliers(test, 8192);
    }
    for (const Layout layout : kLayouts) {
      test = {.shape = {2, 512, 16}, .layout = layout};
      test.method = {.normalization = Normalization::kGroup, .groups = 1};
      expect_variance_despite_two_outliers(test, 8192);
      test.method = {.normalization = Normalization::kLayer, .axes = {.trailing = 2}};
      expect_variance_despite_two_outliers(test, 8192);
    }
    test = {.shape = {1, 8192, 1}, .layout = Layout::kBlocked8};
    test.method = {.normalization = Normalization::kLayer,
                   .axes = {.over = NormalizedOver::kChannels}};
    expect_variance_despite_two_outliers(test, 8192);
  });
}

// Where the shift is an outlier of next to no weight, the mean that the first sums give is off by
// hundreds of deviations, and the sums around that still cancel.
TEST(StressTable, VarianceIsRightWhereTheShiftHasNextToNoWeight) {
  for_each_target([] {
    constexpr std::int64_t kLength = 8192;
    for (const Layout layout : kLayouts) {
      SCOPED_TRACE(to_string(layout));
      const std::int64_t tile = tile_positions(layout);
      std::vector<float> x(kLength);
      std::vector<float> weights(kLength, 1);
      for (std::int64_t i = 0; i < kLength; ++i) {
        const std::int64_t k = i % tile;
        const bool is_outlier = k == 0 || k == (tile - 1) / 2 || k == tile - 1;
        x[static_cast<std::size_t>(i)] = is_outlier ? 1e8F : i % 2 == 0 ? 1.1F : 0.9F;
        if (is_outlier) weights[static_cast<std::size_t>(i)] = 1e-24F;
      }
      const Shape shape =
          layout == Layout::kChannelsFirst ? Shape{1, 1, kLength} : Shape{kLength, 1};
      std::vector<float> stored(static_cast<std::size_t>(storage_elements(shape, layout)));
      const std::size_t lanes = stored.size() / x.size();
      for (std::size_t i = 0; i < x.size(); ++i) stored[i * lanes] = x[i];
      Moments actual;
      moments(view_of(stored, shape, layout), {.samples = shape.samples(), .channels = 1}, weights,
              {&actual, 1});
      EXPECT_NEAR(actual.variance(), 0.01, 1e-5);
      EXPECT_NEAR(actual.mean, 1, 1e-4);
    }
  });
}

TEST(StressTable, ConstantChannelsHaveVarianceExactlyZero) {
  constexpr float kConstants[] = {0.0F, 0.1F, -1e4F, 12345.678F, 3e38F, -3e38F, 1e-40F, 1e-3F};
  for_each_target([&] {
    for (const Layout layout : kLayouts) {
      for (const DType dtype : kDTypes) {
        for (const Shape& shape : {Shape{3, 8, 5}, Shape{7, 8, 33, 33}, Shape{200, 8}}) {
          const Case test{.shape = shape, .layout = layout, .dtype = dtype, .bias = true};
          SCOPED_TRACE(describe(test));
          Problem problem = make_problem(test);
          Array& x = problem.arguments.x;
          for (std::int64_t i = 0; i < x.size(); ++i) {
            x[i] = rounded(kConstants[i / x.positions % 8], dtype);
          }
          NormRecord record;
          const ForwardRun run = run_forward(test, problem, &record);
          for (std::size_t c = 0; c < 8; ++c) {
            EXPECT_EQ(record.moments()[c].m2, 0) << kConstants[c];
            EXPECT_EQ(record.moments()[c].mean, rounded(kConstants[c], dtype));
          }
          const Array y = run.y.unpack();
          for (std::int64_t i = 0; i < y.size(); ++i) {
            ASSERT_EQ(y[i], rounded(problem.bias[std::size_t(i / x.positions % 8)], dtype));
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace equipoise::testing
