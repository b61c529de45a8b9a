/// Which of several largest values max pooling takes.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/interpreter.h"

namespace equipoise::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

struct Pooled {
  double y;
  std::vector<double> dx;
};

/// Of one 2×2 window over the whole of x, with dy = 1.
Pooled pool(const std::vector<double>& x) {
  Graph graph("test");
  const TensorId input = graph.add_input("x", {1, 1, 2, 2});
  const TensorId y = ops::max_pool(graph, "y", input, {});
  graph.set_outputs({y, differentiate(graph, y, {{input}})[0]});
  Array values(Shape{1, 1, 2, 2});
  values.values = x;
  auto result = interpret(graph, {{"x", values}}, {});
  return {.y = result.at("y")[0], .dx = result.at("y.dx").values};
}

TEST(MaxPool, OfEqualValuesTheFirstGetsTheGradient) {
  EXPECT_EQ(pool({1, 2, 2, 2}).dx, (std::vector<double>{0, 1, 0, 0}));
  EXPECT_EQ(pool({0, 0, 0, 0}).dx, (std::vector<double>{1, 0, 0, 0}));
}

TEST(MaxPool, InfinitelySmallValuesAreValues) {
  const double lowest = -std::numeric_limits<double>::infinity();
  EXPECT_EQ(pool({lowest, lowest, lowest, lowest}).y, lowest);
  EXPECT_EQ(pool({lowest, lowest, lowest, lowest}).dx, (std::vector<double>{1, 0, 0, 0}));
}

TEST(MaxPool, NanWins) {
  EXPECT_TRUE(std::isnan(pool({1, kNan, 3, 2}).y));
  EXPECT_EQ(pool({1, kNan, 3, 2}).dx, (std::vector<double>{0, 1, 0, 0}));
}

TEST(MaxPool, OfSeveralNanTheLastGetsTheGradientAsInPyTorch) {
  EXPECT_EQ(pool({kNan, 3, kNan, 5}).dx, (std::vector<double>{0, 0, 1, 0}));
}

}  // namespace
}  // namespace equipoise::testing
