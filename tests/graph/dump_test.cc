#include <vector>

#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "equipoise/operations.h"

namespace equipoise {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

TEST(Dump, ReadsAsTheNetworkIs) {
  Graph graph("block");
  const TensorId x = graph.add_input("x", {kN, 8, 16, 16});
  const TensorId weight = graph.add_parameter("conv.weight", {8, 8, 3, 3});
  const TensorId y =
      ops::convolution(graph, "conv", x, weight, {}, {.padding = ops::Edges::all(1)});
  ops::NormInputs norm{.x = y};
  norm.weight = graph.add_parameter("bn.weight", {8});
  norm.bias = graph.add_parameter("bn.bias", {8});
  norm.running_mean = graph.add_buffer("bn.mean", {8});
  norm.running_var = graph.add_buffer("bn.var", {8});
  const TensorId z = ops::batch_norm(graph, "bn", norm);
  graph.add_output(
      ops::activate(graph, "relu", ops::add(graph, "add", z, x), ops::Function::kRelu));
  graph.add_input("labels", {kN}, DType::kI32);
  graph.set_frozen("conv.*");
  EXPECT_EQ(graph.dump(), R"(graph block
  input     x: (N, 8, 16, 16)
  parameter conv.weight: (8, 8, 3, 3), frozen
  parameter bn.weight: (8)
  parameter bn.bias: (8)
  buffer    bn.mean: (8)
  buffer    bn.var: (8)
  input     labels: i32 (N)
  conv: (N, 8, 16, 16) = convolution(padding=[1, 1, 1, 1]) of x, conv.weight
  bn: (N, 8, 16, 16), bn:record: record = batch_norm(update_running=true, momentum=0.1) of conv, weight=bn.weight, bias=bn.bias, running_mean=bn.mean, running_var=bn.var
  add: (N, 8, 16, 16) = add of bn, x
  relu: (N, 8, 16, 16) = activate(function=relu) of add
  output    relu: (N, 8, 16, 16)
)");
}

TEST(Dump, NamesThePartsOfFusedNodes) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  graph.add_output(ops::activate(graph, "y", x, ops::Function::kLeakyRelu, 0.2F));
  std::vector<Node> nodes(graph.nodes().begin(), graph.nodes().end());
  nodes[0].made_of = {"a", "b"};
  graph.rewrite(nodes, {graph.tensor("y")});
  EXPECT_EQ(graph.dump(), R"(graph net
  input     x: (N, 4)
  y: (N, 4) = activate(function=leaky_relu, negative_slope=0.2) of x  [a + b]
  output    y: (N, 4)
)");
}

}  // namespace
}  // namespace equipoise
