#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "norm/error_message.h"
#include "operations/evaluate.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

Array ones(const Shape& shape) {
  return array_of(shape, std::vector<double>(static_cast<std::size_t>(shape.element_count()), 1));
}

Array dropped(const std::string& name, std::uint64_t random_key) {
  Graph graph;
  ops::dropout(graph, name, graph.add_input("x", {100, 100}), 0.25);
  return evaluate(graph, name, {{"x", ones({100, 100})}}, {.random_key = random_key});
}

TEST(Dropout, KeepsTheShareThatItSaysAndDividesIt) {
  const Array y = dropped("drop1", 3);
  const auto zeros = std::ranges::count(y.values, 0.0);
  EXPECT_NEAR(static_cast<double>(zeros) / 10000, 0.25, 0.02);
  for (const double value : y.values) EXPECT_TRUE(value == 0 || value == 1 / 0.75) << value;
}

TEST(Dropout, DependsOnTheRunAndTheNodeAlone) {
  EXPECT_EQ(dropped("drop1", 3).values, dropped("drop1", 3).values);
  EXPECT_NE(dropped("drop1", 3).values, dropped("drop1", 4).values);
  EXPECT_NE(dropped("drop1", 3).values, dropped("drop2", 3).values);
}

TEST(StochasticDepth, KeepsOrDropsWholeSamples) {
  Graph graph;
  ops::stochastic_depth(graph, "y", graph.add_input("x", {GraphShape::kBatch, 3, 2}), 0.5);
  const Array y = evaluate(graph, "y", {{"x", ones({64, 3, 2})}}, {.batch = 64});
  std::int64_t kept = 0;
  for (std::int64_t n = 0; n < 64; ++n) {
    for (std::int64_t i = 0; i < 6; ++i) EXPECT_EQ(y[n * 6 + i], y[n * 6]);
    if (y[n * 6] != 0) ++kept;
  }
  EXPECT_GT(kept, 16);
  EXPECT_LT(kept, 48);
}

TEST(Dropout, ProbabilityOutOfRangeIsAnError) {
  Graph graph;
  const TensorId x = graph.add_input("x", {3});
  for (const double probability : {-0.1, 1.0}) {
    EXPECT_THAT(message_of([&] { ops::dropout(graph, "y", x, probability); }),
                HasSubstr("it has to be in [0, 1)"));
  }
}

}  // namespace
}  // namespace equipoise::testing
