// y over x and y over the residual, where no backward follows.

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

enum class Over : std::uint8_t { kX, kResidual };

void expect_in_place(Case test, Over over) {
  SCOPED_TRACE(describe(test) + (over == Over::kX ? " y over x" : " y over residual"));
  const Problem problem = make_problem(test);
  const auto input = [&](const Array& values) {
    return TensorBuffer(values, test.shape, test.layout, test.dtype, test.misalignment);
  };
  ForwardRun run;
  run.x = input(problem.arguments.x);
  if (test.residual) run.residual = input(problem.arguments.residual);
  if (test.sample_moments) {
    run.sample_moments.resize(
        static_cast<std::size_t>(test.shape.samples() * test.shape.channels()));
  }
  TensorBuffer& target = over == Over::kX ? run.x : run.residual;
  NormRecord record;
  call_forward(test.method, problem,
               {.x = run.x.view(),
                .y = target.view(),
                .weight = problem.weight,
                .bias = problem.bias,
                .epsilon = test.epsilon,
                .activation = test.activation,
                .negative_slope = static_cast<float>(problem.arguments.negative_slope),
                .residual = test.residual ? run.residual.view() : ConstTensorView{},
                .position_weights = problem.position_weights,
                .sample_moments = run.sample_moments,
                .workspace = nullptr},
               &record);
  run.y = target;
  expect_forward(test, problem, reference_forward(test, problem), run, &record);
}

void expect_in_place_everywhere(Over over) {
  for_each_target([&] {
    std::uint64_t seed = 1;
    for (const Method& method : all_methods()) {
      for (const Layout layout : kLayouts) {
        for (const DType dtype : kDTypes) {
          ++seed;
          expect_in_place({.method = method,
                           .shape = {4, 18, 5, 7},
                           .layout = layout,
                           .dtype = dtype,
                           .activation = kActivations[seed % 8],
                           .residual = over == Over::kResidual || seed % 3 == 0,
                           .misalignment = static_cast<std::int64_t>(seed % 4),
                           .seed = seed},
                          over);
        }
      }
    }
  });
}

TEST(InPlace, OutputMayBeTheInput) { expect_in_place_everywhere(Over::kX); }

TEST(InPlace, SampleMomentsAreThoseOfTheInput) {
  for (const Method& method : all_methods()) {
    const bool has_moments = method.statistics != Statistics::kRunning || method.collect_moments;
    if (method.is_row_wise() || !has_moments) continue;
    for (const Layout layout : kLayouts) {
      expect_in_place({.method = method,
                       .shape = {4, 18, 5, 7},
                       .layout = layout,
                       .sample_moments = true,
                       .threads = 2},
                      Over::kX);
    }
  }
  const Method group{.normalization = Normalization::kGroup, .groups = 1};
  for (const Shape& shape : {Shape{3, 9000}, Shape{70, 48}}) {
    expect_in_place({.method = group, .shape = shape, .sample_moments = true, .threads = 2},
                    Over::kX);
  }
}

TEST(InPlace, OutputMayBeTheResidual) { expect_in_place_everywhere(Over::kResidual); }

TEST(InPlace, OutputIsStreamedOverTheResidual) {
  const SmallCaches small(1 << 10);
  expect_in_place_everywhere(Over::kResidual);
}

TEST(InPlace, RunningStatisticsNeedNoRecord) {
  const Case test{.method = {.statistics = Statistics::kRunning}, .shape = {2, 5, 7}};
  const Problem problem = make_problem(test);
  const ForwardRun run = run_forward(test, problem, nullptr);
  expect_forward(test, problem, reference_forward(test, problem), run, nullptr);
}

}  // namespace
}  // namespace equipoise::testing
