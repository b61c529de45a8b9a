/// Which sums of gradients move into another node, and which stay.

#include <algorithm>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/passes/pass.h"
#include "equipoise/models.h"
#include "equipoise/operations.h"
#include "ops/normalization.h"

namespace equipoise::testing {
namespace {

using engine::Plan;

/// The graph of a training step behind the pass.
Plan differentiated(Graph graph, const SessionOptions& options = {}) {
  if (!graph.find_tensor("loss")) add_classification_loss(graph);
  Plan plan = engine::begin_plan(graph, Mode::kTraining, 2, 1, options);
  engine::run_graph_passes(plan, options);
  plan.graph.verify();
  return plan;
}

std::map<std::string, int, std::less<>> count_operations(const Plan& plan) {
  std::map<std::string, int, std::less<>> counts;
  for (const Node& node : plan.graph.nodes()) ++counts[std::string(node.operation->type())];
  return counts;
}

int count_second_gradients(const Plan& plan) {
  return static_cast<int>(std::ranges::count_if(plan.graph.nodes(), [](const Node& node) {
    return dynamic_cast<const NormGradient*>(node.operation.get()) != nullptr &&
           node.inputs[NormGradient::kDYSecond];
  }));
}

TEST(FuseGradients, LeavesNoSumBetweenTheBlocksOfAResNet) {
  const Graph graph = build_model("resnet20");
  const Plan plan = differentiated(graph);
  // Every block of resnet20 but the last has a sum behind it, and the stem's activation one.
  EXPECT_EQ(count_second_gradients(plan), 9);
  EXPECT_EQ(count_operations(plan)["sum"], 0);
  const Plan left = differentiated(graph, {.skip_passes = {"fuse_gradients"}});
  EXPECT_EQ(count_second_gradients(left), 0);
  EXPECT_EQ(count_operations(left)["sum"], 9);
}

TEST(FuseGradients, MakesOneNodeOfTheGradientOfASqueezeExcitation) {
  const Graph graph = build_model("efficientnet_b0");
  auto counts = count_operations(differentiated(graph));
  EXPECT_EQ(counts["scale_shift"], 16);
  EXPECT_EQ(counts["multiply_sum_to"], 16);
  EXPECT_EQ(counts["multiply"], 16) << "in the forward alone";
  // The pool before the last layer is not of an excitation.
  EXPECT_EQ(counts["global_average_pool_gradient"], 1);
}

TEST(FuseGradients, LeavesAGradientThatIsGivenBack) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 4, 3, 3});
  const TensorId weight = graph.add_parameter("weight", {4});
  const TensorId y = ops::group_norm(graph, "norm", {.x = x, .weight = weight}, 2);
  const TensorId z = ops::multiply(graph, "square", y, y);
  graph.add_output(ops::mean_squared_error(graph, "loss", ops::add(graph, "sum", z, y), x));
  const Plan plan = differentiated(graph, {.gradients = {"x"}});
  // y has three readers, x two: neither is a sum of two that a normalization alone reads.
  EXPECT_EQ(count_second_gradients(plan), 0);
  EXPECT_EQ(count_operations(plan)["sum"], 2);
}

}  // namespace
}  // namespace equipoise::testing
