// What goes row by row: huge gradients, few long rows, runs of channels, rows streamed past the
// cache.

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/determinism_cases.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

const Method kLayer{.normalization = Normalization::kLayer, .axes = {.trailing = 1}};
const Method kRms{.normalization = Normalization::kRms, .axes = {.trailing = 1}};

// x̂ is ±1 and dy ±1e38 or a little more, so that sums are 0 when all is added, and beyond f32 on
// the way. Every 7th parameter has ordinary gradients only, and must keep their digits.
void expect_finite_gradients(Case test, std::int64_t per_parameter) {
  SCOPED_TRACE(describe(test));
  Problem problem = make_problem(test);
  Array& dy = problem.dy_first;
  const std::int64_t rows = test.shape.samples();
  const std::int64_t length = dy.size() / rows;
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    const std::int64_t row = i / length;
    const std::int64_t parameter = i % length / per_parameter;
    const bool huge = parameter % 7 != 3 && row != 1 && row != rows - 2;
    problem.arguments.x[i] = i % 2 == 0 ? 3 : -3;
    const double size = (1 + static_cast<double>(parameter % 5) / 8) * 1e38;
    if (huge) dy[i] = rounded(row < rows / 2 ? size : -size, test.dtype);
  }
  problem.dy = dy;
  expect_gradients(test, problem);
}

TEST(Rows, GradientsOfParametersAreFiniteWhereTheReferenceIs) {
  for_each_target([] {
    const Method group{.normalization = Normalization::kGroup, .groups = 2};
    for (const DType dtype : kDTypes) {
      for (const bool dx : {true, false}) {
        for (const InPlace in_place :
             {InPlace::kNone, dx ? InPlace::kDxOverDy : InPlace::kDresidualOverDy}) {
          Case test{.dtype = dtype, .weight = false, .residual = in_place == InPlace::kNone};
          test.dx = dx;
          test.dresidual = in_place != InPlace::kDxOverDy;
          test.in_place = in_place;
          for (const Method& method : {kLayer, kRms}) {
            test.method = method;
            test.shape = {98, 60};
            expect_finite_gradients(test, 1);
            test.shape = {8, 8192 + 2 * 24};
            expect_finite_gradients(test, 1);
          }
          test.method = group;
          test.shape = {10, 32, 6, 6};
          expect_finite_gradients(test, 36);
        }
      }
    }
  });
}

// γ·dz is beyond f32, dx is not.
TEST(Rows, GradientsTimesWeightMayBeBeyondTheRange) {
  for_each_target([] {
    for (const Method& method : {kLayer, kRms}) {
      const Case test{.method = method, .shape = {4, 64}, .dresidual = false};
      Problem problem = make_problem(test);
      for (std::int64_t i = 0; i < problem.dy.size(); ++i) {
        problem.arguments.x[i] = i % 4 < 2 ? 300 : -300;
        problem.dy[i] = rounded(i % 2 == 0 ? 2e38 : -2e38, DType::kF32) * (i < 128 ? 1 : -1);
      }
      problem.dy_first = problem.dy;
      problem.weight.assign(64, 5);
      problem.arguments.weight.assign(64, 5);
      expect_gradients(test, problem);
    }
  });
}

/// Everything that is optional, in turn.
void expect_all_options(const Method& method, const Shape& shape, std::uint64_t seed) {
  for (const DType dtype : kDTypes) {
    for (const Activation activation : kActivations) {
      ++seed;
      Case test{.method = method, .shape = shape, .dtype = dtype, .activation = activation};
      test.residual = seed % 2 == 0;
      test.weight = seed % 5 != 0;
      test.dy_second = seed % 3 == 0;
      test.dx = seed % 7 != 0;
      test.parameter_gradients = seed % 4 != 1;
      test.dresidual = test.residual;
      if (seed % 5 < 2) test.in_place = InPlace::kDxOverDy;
      if (seed % 5 > 3 && test.dresidual) test.in_place = InPlace::kDresidualOverDy;
      if (!test.dx) test.in_place = InPlace::kNone;
      test.misalignment = static_cast<std::int64_t>(seed % 3);
      test.threads = static_cast<int>(seed % 2) + 1;
      test.seed = seed;
      expect_matches_reference(test);
    }
  }
}

TEST(Rows, FewLongOnesMatchTheReference) {
  for_each_target([] {
    expect_all_options(kLayer, {2, 8192 + 37}, 1);
    expect_all_options(kRms, {3, 2 * 8192 + 5}, 2);
  });
}

TEST(Rows, RunsOfChannelsMatchTheReference) {
  for_each_target([] {
    const Method group{.normalization = Normalization::kGroup, .groups = 2};
    expect_all_options(group, {2, 32, 5, 7}, 1);
    expect_all_options(group, {2, 8, 6, 6}, 2);
    expect_all_options({.normalization = Normalization::kGroup, .groups = 1}, {3, 5, 7, 9}, 3);
    // Many tiles to a group.
    expect_all_options({.normalization = Normalization::kGroup, .groups = 1}, {2, 150, 8, 9}, 4);
  });
}

TEST(Rows, StreamedOnesMatchTheReference) {
  for_each_target([] {
    // 5 MB of f32: more than one core's cache.
    expect_matches_reference({.method = kLayer, .shape = {1620, 768}, .threads = 2});
    expect_matches_reference(
        {.method = kLayer, .shape = {1620, 771}, .dresidual = false, .misalignment = 3});
    expect_matches_reference({.method = {.normalization = Normalization::kGroup, .groups = 4},
                              .shape = {100, 64, 14, 14},
                              .dresidual = false,
                              .threads = 2});
  });
  expect_matches_reference({.method = kLayer,
                            .shape = {3240, 771},
                            .dtype = DType::kBF16,
                            .activation = Activation::kRelu,
                            .residual = true,
                            .misalignment = 1});
}

TEST(Rows, FewLongOnesGiveTheSameBitsForAnyNumberOfThreads) {
  for (const Shape& shape : {Shape{1, 20000}, Shape{3, 100003}, Shape{63, 8200}, Shape{64, 8200}}) {
    for (const DType dtype : kDTypes) {
      Case test{.method = kLayer, .shape = shape, .dtype = dtype, .activation = Activation::kRelu};
      test.residual = shape.samples() == 3;
      expect_same_bits_however_it_runs(test);
    }
  }
  Case test{.method = {.normalization = Normalization::kGroup, .groups = 4},
            .shape = {20, 64, 14, 14}};
  expect_same_bits_however_it_runs(test);
}

TEST(Rows, FewLongOnesHaveMomentsOfSamples) {
  for_each_target([] {
    for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
      for (const DType dtype : kDTypes) {
        expect_matches_reference({.method = {.normalization = Normalization::kGroup, .groups = 1},
                                  .shape = {3, 9000},
                                  .layout = layout,
                                  .dtype = dtype,
                                  .sample_moments = true,
                                  .threads = 2});
      }
    }
  });
}

TEST(Rows, RecordsOfGroupsHaveMoments) {
  for_each_target([] {
    const auto expect_moments_of = [](const Shape& shape, std::int64_t groups) {
      const Method method{.normalization = Normalization::kGroup, .groups = groups};
      for (const DType dtype : kDTypes) {
        const Case test{.method = method, .shape = shape, .dtype = dtype};
        SCOPED_TRACE(describe(test));
        const Problem problem = make_problem(test);
        NormRecord record;
        run_forward(test, problem, &record);
        expect_moments(record.moments(), reference_forward(test, problem).moments);
      }
    };
    expect_moments_of({2, 512, 2, 2}, 32);
    expect_moments_of({6, 64}, 4);
    expect_moments_of({3, 9000}, 1);  // shared by threads
  });
}

}  // namespace
}  // namespace equipoise::testing
