/// What operations count as their arithmetic.

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

/// Of the graph's node `n`, for `batch` samples.
double flops(const Graph& graph, std::size_t n, std::int64_t batch) {
  const Node& node = graph.nodes()[n];
  std::vector<Shape> shapes;
  shapes.reserve(node.inputs.size() + node.outputs.size());
  const auto resolve = [&](const std::vector<TensorId>& ids) {
    std::vector<const Shape*> resolved;
    for (const TensorId id : ids) {
      if (id) shapes.push_back(graph.tensor(id).type.shape.resolve(batch));
      resolved.push_back(id ? &shapes.back() : nullptr);
    }
    return resolved;
  };
  const auto inputs = resolve(node.inputs);
  const auto outputs = resolve(node.outputs);
  return node.operation->flops(inputs, outputs);
}

TEST(Flops, OfAConvolutionAreTwoPerProduct) {
  Graph graph;
  const TensorId x = graph.add_input("x", {kN, 3, 224, 224});
  const TensorId weight = graph.add_parameter("weight", {64, 3, 7, 7});
  const TensorId bias = graph.add_parameter("bias", {64});
  const ops::ConvolutionOptions options = {.stride = {2, 2}, .padding = ops::Edges::all(3)};
  ops::convolution(graph, "without", x, weight, {}, options);
  ops::convolution(graph, "with", x, weight, bias, options);
  constexpr double kOutputs = 64.0 * 112 * 112;
  EXPECT_EQ(flops(graph, 0, 2), 2 * kOutputs * (2 * 3 * 7 * 7));
  EXPECT_EQ(flops(graph, 1, 2), 2 * kOutputs * (2 * 3 * 7 * 7 + 1));
}

TEST(Flops, OfGroupsAreThoseOfTheirChannels) {
  Graph graph;
  const TensorId x = graph.add_input("x", {kN, 32, 8, 8});
  const TensorId weight = graph.add_parameter("weight", {32, 1, 3, 3});
  ops::convolution(graph, "y", x, weight, {}, {.padding = ops::Edges::all(1), .groups = 32});
  EXPECT_EQ(flops(graph, 0, 5), 5.0 * 32 * 8 * 8 * 2 * 9);
}

TEST(Flops, OfBothGradientsOfAConvolutionAreTwiceItsOwn) {
  Graph graph;
  const TensorId x = graph.add_input("x", {kN, 6, 9, 7});
  const TensorId weight = graph.add_parameter("weight", {4, 3, 3, 3});
  const TensorId y = ops::convolution(graph, "y", x, weight, {}, {.stride = {2, 1}, .groups = 2});
  const TensorId target = graph.add_input("target", graph.tensor(y).type.shape);
  const TensorId loss = ops::mean_squared_error(graph, "loss", y, target);
  differentiate(graph, loss, {{x, weight}});
  double gradients = 0;
  for (const char* name : {"y.dx", "y.dweight"}) {
    gradients += flops(graph, static_cast<std::size_t>(graph.find_node(name)->index), 3);
  }
  EXPECT_EQ(gradients, 2 * flops(graph, 0, 3));
}

TEST(Flops, OfMatrixProducts) {
  Graph graph;
  const TensorId x = graph.add_input("x", {kN, 10, 32});
  const TensorId weight = graph.add_parameter("weight", {64, 32});
  const TensorId bias = graph.add_parameter("bias", {64});
  ops::linear(graph, "linear", x, weight, bias);
  ops::matmul(graph, "scores", x, x, ops::Transposed::kNo, ops::Transposed::kYes);
  ops::matmul(graph, "moments", x, x, ops::Transposed::kYes, ops::Transposed::kNo);
  EXPECT_EQ(flops(graph, 0, 2), 2.0 * 10 * 64 * (2 * 32 + 1));
  EXPECT_EQ(flops(graph, 1, 2), 2.0 * 10 * 10 * 2 * 32);
  EXPECT_EQ(flops(graph, 2, 2), 2.0 * 32 * 32 * 2 * 10);
}

}  // namespace
}  // namespace equipoise::testing
