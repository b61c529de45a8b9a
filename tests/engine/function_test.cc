/// The vector functions against f64, on every instruction set.

#include "engine/simd/function.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include <gtest/gtest.h>

#include "norm/targets.h"
#include "ops/function.h"

namespace equipoise::engine {
namespace {

using ops::Function;

constexpr Function kFunctions[] = {Function::kRelu, Function::kRelu6,     Function::kLeakyRelu,
                                   Function::kSilu, Function::kSigmoid,   Function::kTanh,
                                   Function::kGelu, Function::kHardSwish, Function::kHardSigmoid};
constexpr float kSlope = 0.1F;

std::vector<float> interesting_values() {
  std::vector<float> values = {
      std::numeric_limits<float>::quiet_NaN(), 0, -0.0F, 3, -3, 6, 100, -100, 1e30F, -1e30F};
  for (float x = -12; x <= 12; x += 0.01F) values.push_back(x);
  return values;
}

void expect_near(float value, double truth, Function function, float x) {
  if (std::isnan(truth)) {
    EXPECT_TRUE(std::isnan(value)) << to_string(function) << " of " << x << ": " << value;
    return;
  }
  EXPECT_NEAR(static_cast<double>(value), truth, 1e-6 * std::max(1.0, std::abs(truth)))
      << to_string(function) << " of " << x;
}

TEST(SimdFunction, IsThatOfF64) {
  testing::for_each_target([] {
    const std::vector<float> x = interesting_values();
    const std::vector<float> dy(x.size(), 0.5F);
    std::vector<float> y(x.size());
    const auto count = static_cast<std::int64_t>(x.size());
    for (const Function function : kFunctions) {
      apply(function, kSlope, x.data(), y.data(), count);
      for (std::size_t i = 0; i < x.size(); ++i) {
        expect_near(y[i], value_of(function, static_cast<double>(x[i]), double{kSlope}), function,
                    x[i]);
      }
      apply_gradient(function, kSlope, x.data(), dy.data(), y.data(), count);
      for (std::size_t i = 0; i < x.size(); ++i) {
        if (std::isnan(x[i])) continue;
        const double slope = derivative_of(function, static_cast<double>(x[i]), double{kSlope});
        expect_near(y[i], 0.5 * slope, function, x[i]);
      }
    }
  });
}

TEST(SimdFunction, GeluKeepsItsDigitsFarToTheLeft) {
  testing::for_each_target([] {
    for (float x = -9; x < -1; x += 0.01F) {
      float y = 0;
      apply(Function::kGelu, 0, &x, &y, 1);
      const double truth = value_of(Function::kGelu, static_cast<double>(x), 0);
      EXPECT_NEAR(static_cast<double>(y) / truth, 1, 1e-5) << x;
    }
  });
}

TEST(SimdFunction, WritesNothingBehindTheLastElement) {
  testing::for_each_target([] {
    for (std::int64_t count = 0; count <= 40; ++count) {
      const std::vector<float> x(41, 2.0F);
      std::vector<float> y(41, -1.0F);
      apply(Function::kSilu, 0, x.data(), y.data(), count);
      for (std::int64_t i = 0; i <= 40; ++i) {
        EXPECT_EQ(y[static_cast<std::size_t>(i)] == -1.0F, i >= count) << i << " of " << count;
      }
    }
  });
}

}  // namespace
}  // namespace equipoise::engine
