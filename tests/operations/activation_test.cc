/// Elementwise functions against PyTorch's values.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "operations/evaluate.h"
#include "ops/function.h"

namespace equipoise::testing {
namespace {

using ops::Function;

constexpr Function kAll[] = {Function::kRelu, Function::kRelu6,     Function::kLeakyRelu,
                             Function::kSilu, Function::kSigmoid,   Function::kTanh,
                             Function::kGelu, Function::kHardSwish, Function::kHardSigmoid};

TEST(Activate, IsThatOfPyTorch) {
  const std::vector<double> x = {-7, -3, -2.5, -0.5, 0, 0.75, 2, 5.5, 9};
  // torch.nn.functional in f64.
  const std::pair<Function, std::vector<double>> cases[] = {
      {Function::kRelu, {0, 0, 0, 0, 0, 0.75, 2, 5.5, 9}},
      {Function::kRelu6, {0, 0, 0, 0, 0, 0.75, 2, 5.5, 6}},
      {Function::kLeakyRelu, {-0.7, -0.3, -0.25, -0.05, 0, 0.75, 2, 5.5, 9}},
      {Function::kSilu,
       {-0.006377358360804518, -0.14227761953270035, -0.18964545005310887, -0.1887703343990727, 0,
        0.5093840243815447, 1.7615941559557646, 5.477614242562572, 8.998889448816124}},
      {Function::kSigmoid,
       {0.0009110511944006454, 0.04742587317756678, 0.07585818002124355, 0.3775406687981454, 0.5,
        0.679178699175393, 0.8807970779778823, 0.995929862284104, 0.9998766054240137}},
      {Function::kTanh,
       {-0.9999983369439447, -0.9950547536867305, -0.9866142981514303, -0.46211715726000974, 0,
        0.6351489523872873, 0.9640275800758169, 0.9999665971563038, 0.999999969540041}},
      {Function::kGelu,
       {-8.958667141456544e-12, -0.00404969409489031, -0.015524163314440398, -0.15426876936299344,
        0, 0.5800294857173489, 1.9544997361036416, 5.499999895557407, 9}},
      {Function::kHardSwish,
       {0, 0, -0.20833333333333334, -0.20833333333333334, 0, 0.46875, 1.6666666666666667, 5.5, 9}},
      {Function::kHardSigmoid,
       {0, 0, 0.08333333333333333, 0.4166666666666667, 0.5, 0.625, 0.8333333333333334, 1, 1}}};
  for (const auto& [function, expected] : cases) {
    Graph graph;
    ops::activate(graph, "y", graph.add_input("x", {9}), function, 0.1F);
    const Array y = evaluate(graph, "y", {{"x", array_of({9}, x)}});
    for (std::int64_t i = 0; i < y.size(); ++i) {
      EXPECT_NEAR(y[i], expected[static_cast<std::size_t>(i)], 2e-8)
          << to_string(function) << " of " << x[static_cast<std::size_t>(i)];
    }
  }
}

TEST(Activate, KeepsNaN) {
  for (const Function function : kAll) {
    EXPECT_TRUE(std::isnan(value_of(function, std::numeric_limits<double>::quiet_NaN(), 0.01)))
        << to_string(function);
  }
}

TEST(Activate, DerivativesAtKinksAreThoseOfPyTorch) {
  EXPECT_EQ(derivative_of(Function::kRelu, 0, 0), 0);
  EXPECT_EQ(derivative_of(Function::kRelu6, 6, 0), 0);
  EXPECT_EQ(derivative_of(Function::kLeakyRelu, 0, 0.125), 0.125);
  EXPECT_EQ(derivative_of(Function::kHardSigmoid, 3, 0), 0);
  EXPECT_EQ(derivative_of(Function::kHardSwish, -3, 0), 0);
  EXPECT_EQ(derivative_of(Function::kHardSwish, 3, 0), 1);
}

}  // namespace
}  // namespace equipoise::testing
