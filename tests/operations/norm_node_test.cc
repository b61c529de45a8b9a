/// What passes and planners rely on in a normalization node.

#include <algorithm>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/operation.h"
#include "norm/error_message.h"
#include "operations/evaluate.h"
#include "ops/normalization.h"
#include "ops/normalization_record.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

/// y = act(batch norm of x + residual).
Graph network(Activation activation) {
  Graph graph;
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 2});
  const TensorId y =
      ops::batch_norm(graph, "y",
                      {.x = x,
                       .running_mean = graph.add_buffer("running_mean", {2}),
                       .running_var = graph.add_buffer("running_var", {2}),
                       .residual = graph.add_input("residual", {GraphShape::kBatch, 2})},
                      {.activation = activation});
  graph.add_output(y);
  return graph;
}

const std::map<std::string, Array> kValues = {{"x", array_of({2, 2}, {1, 10, 3, 30})},
                                              {"running_mean", array_of({2}, {1, 10})},
                                              {"running_var", array_of({2}, {4, 400})},
                                              {"residual", array_of({2, 2}, {0, 0, 0, 0})}};

TEST(NormNode, LeavesTheMomentsThatAnUpdateOfRunningStatisticsTakes) {
  const Array record = evaluate(network(Activation::kNone), "y:record", kValues, {.batch = 2});
  const std::vector<Moments> moments = unpack_norm_notes(record).batch_moments();
  ASSERT_EQ(moments.size(), 2U);
  EXPECT_EQ(moments[1].count, 2);
  EXPECT_EQ(moments[1].mean, 20);
  EXPECT_EQ(moments[1].m2, 200);
}

TEST(NormNode, ACopyWithOtherAttributesTakesItsPlace) {
  Graph graph = network(Activation::kNone);
  std::vector<Node> nodes(graph.nodes().begin(), graph.nodes().end());
  NormAttributes attributes = dynamic_cast<const Norm&>(*nodes[0].operation).norm();
  attributes.statistics = Statistics::kRunning;
  attributes.update_running = false;
  attributes.activation = Activation::kRelu;
  nodes[0].operation = std::make_shared<Norm>(attributes);
  nodes[0].outputs[Norm::kRecord] = {};
  graph.rewrite(nodes, {graph.tensor("y")});
  EXPECT_EQ(describe(*graph.nodes()[0].operation),
            "batch_norm(activation=relu, statistics=running)");
  const Array y = evaluate(graph, "y", kValues, {.batch = 2});
  EXPECT_NEAR(y[2], 1, 1e-5);
  EXPECT_NEAR(y[3], 1, 1e-5);
}

const Node& gradient_node(const Graph& graph) {
  return *std::ranges::find(graph.nodes(), "y.gradient", &Node::name);
}

TEST(NormNode, GradientKeepsTheResidualOnlyForSmoothActivations) {
  for (const auto& [activation, kept] :
       {std::pair{Activation::kNone, false}, std::pair{Activation::kRelu, false},
        std::pair{Activation::kLeakyRelu, false}, std::pair{Activation::kSilu, true},
        std::pair{Activation::kHardSwish, true}}) {
    Graph graph = network(activation);
    const TensorId y = graph.tensor("y");
    const TensorId target = graph.add_input("target", graph.tensor(y).type.shape);
    const TensorId wrt[] = {graph.tensor("residual")};
    differentiate(graph, ops::mean_squared_error(graph, "loss", y, target), wrt);
    const Node& gradient = gradient_node(graph);
    EXPECT_EQ(static_cast<bool>(gradient.inputs[NormGradient::kResidual]), kept)
        << to_string(activation);
    EXPECT_TRUE(gradient.outputs[NormGradient::kDResidual]);
    EXPECT_FALSE(gradient.outputs[NormGradient::kDX]);
  }
}

TEST(NormNode, WithoutItsRecordItHasNoGradient) {
  Graph graph;
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 2});
  const TensorId y = graph.add_node(
      "y", std::make_shared<Norm>(NormAttributes{}),
      {x, TensorId{}, TensorId{}, TensorId{}, TensorId{}, TensorId{}, TensorId{}})[0];
  const TensorId loss =
      ops::mean_squared_error(graph, "loss", y, graph.add_input("target", {GraphShape::kBatch, 2}));
  const TensorId wrt[] = {x};
  EXPECT_THAT(message_of([&] { differentiate(graph, loss, wrt); }),
              HasSubstr("node 'y': batch_norm was built without its record"));
}

}  // namespace
}  // namespace equipoise::testing
