// Activations over the whole range of z, and the derivative exactly where it jumps.

#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

/// Running statistics that leave z = x (+ residual): mean 0, variance 1, an epsilon that f32 does
/// not see.
struct Identity {
  Case test;
  Problem problem;

  Identity(const Shape& shape, Layout layout, Activation activation, bool residual) {
    test = {.method = {.statistics = Statistics::kRunning},
            .shape = shape,
            .layout = layout,
            .activation = activation,
            .weight = false,
            .bias = false,
            .residual = residual,
            .epsilon = 1e-12};
    problem = make_problem(test);
    problem.running_mean.assign(problem.running_mean.size(), 0);
    problem.running_var.assign(problem.running_var.size(), 1);
    problem.batch.running_mean.assign(problem.running_mean.size(), 0);
    problem.batch.running_var.assign(problem.running_var.size(), 1);
  }
};

TEST(Activation, AndItsDerivativeAreRightFromMinus200To200) {
  for_each_target([] {
    for (const Activation activation : kActivations) {
      Identity identity({2, 1, 8001}, Layout::kChannelsFirst, activation, false);
      Array& x = identity.problem.arguments.x;
      for (std::int64_t i = 0; i < x.size(); ++i) {
        // Dense around 0, up to ±200 at the ends; no kink at any of them.
        const double t = static_cast<double>(i - 8001) / 8001 + 1e-5;
        x[i] = rounded(200 * t * t * t, DType::kF32);
        identity.problem.dy_first[i] = identity.problem.dy[i] = 1;
      }
      SCOPED_TRACE(describe(identity.test));
      NormRecord record;
      const Array y = run_forward(identity.test, identity.problem, &record).y.unpack();
      const Array dx = run_backward(identity.test, identity.problem, record).dx.unpack();
      for (std::int64_t i = 0; i < x.size(); ++i) {
        const double expected = reference::activate(identity.problem.arguments, x[i]);
        const double slope = reference::activation_derivative(identity.problem.arguments, x[i]);
        // A few units of roundoff of the value, or of 1 where the result is the difference of such.
        ASSERT_NEAR(y[i], expected, 1e-6 * std::max(1.0, std::abs(expected))) << "at " << x[i];
        ASSERT_NEAR(dx[i], slope, 1e-6) << "at " << x[i];
      }
    }
  });
}

TEST(Activation, SiluIsWithinFiveUnitsOfRoundoffHoweverSmall) {
  for_each_target([] {
    Identity identity({2, 1, 8001}, Layout::kChannelsFirst, Activation::kSilu, false);
    Array& x = identity.problem.arguments.x;
    for (std::int64_t i = 0; i < x.size(); ++i) {
      x[i] = rounded(85 * (static_cast<double>(i) / 8000.5 - 1), DType::kF32);
    }
    SCOPED_TRACE(describe(identity.test));
    NormRecord record;
    const Array y = run_forward(identity.test, identity.problem, &record).y.unpack();
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const double expected = reference::activate(identity.problem.arguments, x[i]);
      ASSERT_NEAR(y[i], expected, 3e-7 * std::abs(expected)) << "at " << x[i];
    }
  });
}

// Of hard-swish, PyTorch since 2.7; before, its vectors and its scalars disagreed.
TEST(Activation, DerivativeAtAKinkIsThatOfPyTorch) {
  struct Kink {
    Activation activation;
    double z;
    double y;
    float derivative;
  };
  constexpr Kink kKinks[] = {
      {Activation::kRelu, 0, 0, 0},       {Activation::kRelu6, 0, 0, 0},
      {Activation::kRelu6, 6, 6, 0},      {Activation::kLeakyRelu, 0, 0, 0.2F},
      {Activation::kHardSwish, -3, 0, 0}, {Activation::kHardSwish, 3, 3, 1}};
  for_each_target([&] {
    for (const Kink& kink : kKinks) {
      for (const Layout layout : kLayouts) {
        for (const bool residual : {false, true}) {
          Identity identity({2, 18, 37}, layout, kink.activation, residual);
          SCOPED_TRACE(fmt::format("{} at {}", describe(identity.test), kink.z));
          reference::Arguments& in = identity.problem.arguments;
          const auto fill = [](Array& array, double value) {
            array.values.assign(array.values.size(), value);
          };
          fill(in.x, residual ? kink.z - 2 : kink.z);
          if (residual) fill(in.residual, 2);
          fill(identity.problem.dy_first, 1);
          NormRecord record;
          const Array y = run_forward(identity.test, identity.problem, &record).y.unpack();
          const BackwardRun backward = run_backward(identity.test, identity.problem, record);
          for (const double value : y.values) ASSERT_EQ(value, kink.y);
          for (const double value : backward.dresidual.unpack().values) {
            ASSERT_EQ(value, kink.derivative);
          }
        }
      }
    }
  });
}

}  // namespace
}  // namespace equipoise::testing
