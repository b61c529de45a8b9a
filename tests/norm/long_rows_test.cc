// Rows far longer than a tile, and columns of many rows, whose sums lose digits where f32 adds up
// all of them.

#include <cmath>
#include <cstdint>

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

/// Equal terms are rounded to the same side, over and over: 2^17 of them in one lane cost 10 bits.
void expect_all_digits(const Method& method, std::int64_t rows, std::int64_t length, DType dtype,
                       double mean) {
  Case test{.method = method, .shape = {rows, length}, .dtype = dtype, .dresidual = false};
  test.weight = false;
  test.bias = false;
  test.threads = 2;
  SCOPED_TRACE(describe(test));
  Problem problem;
  problem.arguments.x = Array(rows, length, 1);
  problem.dy = Array(rows, length, 1);
  constexpr double kX[] = {-1.37, 0.21, 1.73, -0.59, 0.11};
  constexpr double kDy[] = {0.11, 0.37, -0.23, 0.61, -0.48, 0.29, 0.07};
  for (std::int64_t i = 0; i < problem.dy.size(); ++i) {
    problem.arguments.x[i] = rounded(mean + kX[i % 5], dtype);
    problem.dy[i] = rounded(kDy[i % 7], dtype);
  }
  problem.dy_first = problem.dy;
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record);
  const reference::Output expected = reference_forward(test, problem);
  expect_forward(test, problem, expected, forward, &record);
  for (std::size_t r = 0; r < expected.rstd.size(); ++r) {
    // 512 additions in a lane of a tile, on the narrowest target; rounding once costs 3e-8 at most.
    EXPECT_NEAR(record.rstd()[r] / expected.rstd[r], 1, 2e-5);
    EXPECT_NEAR((record.mean()[r] - expected.mean[r]) * expected.rstd[r], 0, 2e-5);
  }
  expect_backward(test, problem, reference_backward(test, problem),
                  run_backward(test, problem, record));
}

TEST(LongRows, KeepAllDigitsOfTheirSums) {
  const Method layer{.normalization = Normalization::kLayer, .axes = {.trailing = 1}};
  const Method rms{.normalization = Normalization::kRms, .axes = {.trailing = 1}};
  for_each_target([&] {
    for (const std::int64_t rows : {1, 2}) {
      expect_all_digits(layer, rows, (std::int64_t{1} << 20) + 5, DType::kF32, 1e4);
      expect_all_digits(rms, rows, (std::int64_t{1} << 20) + 5, DType::kF32, 0);
    }
    expect_all_digits(layer, 2, std::int64_t{1} << 18, DType::kBF16, 0);
    expect_all_digits(layer, 70, 8192 + 40, DType::kF32, 1e4);
  });
}

/// dweight and dbias of equal terms.
void expect_all_digits_of_columns(Case test) {
  test.bias = false;
  test.threads = 2;
  SCOPED_TRACE(describe(test));
  Problem problem = make_problem(test);
  constexpr double kX[] = {-1.37, 0.21, 1.73, -0.59, 0.11};
  const std::int64_t length =
      test.method.axes.over == NormalizedOver::kChannels ? 1 : row_length(test);
  for (std::int64_t i = 0; i < problem.dy.size(); ++i) {
    const std::int64_t c = i / problem.dy.positions % problem.dy.channels;
    problem.arguments.x[i] = rounded(kX[(length > 1 ? i % length : c) % 5], test.dtype);
    problem.dy[i] = rounded(0.1, test.dtype);
  }
  problem.dy_first = problem.dy;
  expect_gradients(test, problem);
}

TEST(ManyRows, KeepAllDigitsOfTheirColumns) {
  const Method layer{.normalization = Normalization::kLayer, .axes = {.trailing = 1}};
  const Method rms{.normalization = Normalization::kRms, .axes = {.trailing = 1}};
  const Method channels{.normalization = Normalization::kLayer,
                        .axes = {.over = NormalizedOver::kChannels}};
  const Method group{.normalization = Normalization::kGroup, .groups = 1};
  for_each_target([&] {
    expect_all_digits_of_columns({.method = layer, .shape = {40000, 1}});
    expect_all_digits_of_columns({.method = layer, .shape = {20000, 4}});
    expect_all_digits_of_columns({.method = rms, .shape = {20000, 4}});
    for (const Layout layout : kLayouts) {
      expect_all_digits_of_columns(
          {.method = channels, .shape = {1, 3, 100, 150}, .layout = layout, .dresidual = false});
      expect_all_digits_of_columns(
          {.method = layer, .shape = {1, 20, 800, 2}, .layout = layout, .dresidual = false});
    }
    expect_all_digits_of_columns(
        {.method = layer, .shape = {20000, 4}, .activation = Activation::kTanh});
    expect_all_digits_of_columns({.method = group, .shape = {9000, 4, 2}});
  });
}

}  // namespace
}  // namespace equipoise::testing
