/// What a mask leaves out is as if it were not there.

#include <limits>

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/interpreter.h"

namespace equipoise::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

Array array(const Shape& shape, std::vector<double> values) {
  Array result(shape);
  result.values = std::move(values);
  return result;
}

/// y and, of the mean of y² as the loss, dx.
struct Masked {
  std::vector<double> y;
  std::vector<double> dx;
};

Masked run(Graph& graph, TensorId y, const Array& x, const Array& mask) {
  std::vector<float> zeros(
      static_cast<std::size_t>(graph.tensor(y).type.shape.resolve(1).element_count()));
  const TensorId target = graph.add_constant("target", graph.tensor(y).type.shape, zeros);
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, target);
  graph.set_outputs({y, differentiate(graph, loss, {{graph.tensor("x")}})[0]});
  const auto result = interpret(graph, {{"x", x}, {"mask", mask}}, {});
  return {.y = result.at("y").values, .dx = result.at("y.dx").values};
}

Masked softmax(const std::vector<double>& x, const std::vector<double>& mask) {
  const auto length = static_cast<std::int64_t>(x.size());
  Graph graph("test");
  const TensorId input = graph.add_input("x", {1, length});
  const TensorId m = graph.add_input("mask", {1, length});
  return run(graph, ops::softmax(graph, "y", input, m), array({1, length}, x),
             array({1, length}, mask));
}

/// Of positions of one feature.
Masked mean(const std::vector<double>& x, const std::vector<double>& mask) {
  const auto length = static_cast<std::int64_t>(x.size());
  Graph graph("test");
  const TensorId input = graph.add_input("x", {1, length, 1});
  const TensorId m = graph.add_input("mask", {1, length});
  return run(graph, ops::masked_mean(graph, "y", input, m), array({1, length, 1}, x),
             array({1, length}, mask));
}

TEST(MaskedSoftmax, NanBehindTheMaskDoesNotCount) {
  const Masked masked = softmax({0.5, kNan, -1}, {1, 0, 1});
  const Masked alone = softmax({0.5, -1}, {1, 1});
  EXPECT_EQ(masked.y, (std::vector<double>{alone.y[0], 0, alone.y[1]}));
  EXPECT_EQ(masked.dx[1], 0);
}

TEST(MaskedSoftmax, LargeValuesBehindTheMaskDoNotCount) {
  EXPECT_EQ(softmax({1, 1e6, 1}, {1, 0, 1}).y, (std::vector<double>{0.5, 0, 0.5}));
}

TEST(MaskedSoftmax, ARowWithoutAnyIsZero) {
  const Masked masked = softmax({1, kNan}, {0, 0});
  EXPECT_EQ(masked.y, (std::vector<double>{0, 0}));
  EXPECT_EQ(masked.dx, (std::vector<double>{0, 0}));
}

TEST(MaskedMean, NanBehindTheMaskDoesNotCount) {
  const Masked masked = mean({1, kNan, 3}, {1, 0, 1});
  EXPECT_EQ(masked.y, (std::vector<double>{2}));
  EXPECT_EQ(masked.dx, (std::vector<double>{2, 0, 2}));
}

TEST(MaskedMean, PositionsCountByTheirWeights) {
  EXPECT_EQ(mean({1, 5}, {3, 1}).y, (std::vector<double>{2}));
}

TEST(MaskedMean, NoPositionsMakeZero) {
  const Masked masked = mean({1, kNan}, {0, 0});
  EXPECT_EQ(masked.y, (std::vector<double>{0}));
  EXPECT_EQ(masked.dx, (std::vector<double>{0, 0}));
}

}  // namespace
}  // namespace equipoise::testing
