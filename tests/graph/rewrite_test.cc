#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "equipoise/operations.h"

namespace equipoise {
namespace {

using ::testing::ElementsAre;

constexpr std::int64_t kN = GraphShape::kBatch;

std::vector<std::string> names_of(const Graph& graph) {
  std::vector<std::string> names;
  for (const TensorInfo& info : graph.tensors()) names.push_back(info.name);
  return names;
}

TEST(Rewrite, DropsWhatNobodyReadsAndMapsTheRest) {
  Graph graph("net");
  graph.add_input("unused input", {kN, 4});
  graph.add_parameter("unused parameter", {4});
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId scale = graph.add_parameter("scale", {4});
  const TensorId dead = ops::activate(graph, "dead", x, ops::Function::kRelu);
  const TensorId y = ops::multiply(graph, "y", x, scale);
  graph.add_output(y);

  const std::vector<Node> kept = {graph.node(*graph.find_node("y"))};
  const std::vector<TensorId> map = graph.rewrite(kept, {y});
  graph.verify();
  EXPECT_THAT(names_of(graph), ElementsAre("unused input", "x", "scale", "y"));
  ASSERT_EQ(map.size(), 6U);
  EXPECT_EQ(map[static_cast<std::size_t>(x.index)], graph.tensor("x"));
  EXPECT_EQ(map[static_cast<std::size_t>(scale.index)], graph.tensor("scale"));
  EXPECT_EQ(map[static_cast<std::size_t>(y.index)], graph.tensor("y"));
  EXPECT_FALSE(map[static_cast<std::size_t>(dead.index)]);
  EXPECT_FALSE(map[1]) << "a parameter that nobody reads";
  EXPECT_THAT(graph.outputs(), ElementsAre(graph.tensor("y")));
  EXPECT_EQ(graph.tensor(graph.tensor("y")).producer, graph.find_node("y"));
}

TEST(Rewrite, KeepsWhatOutputsSay) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId kept = graph.add_buffer("kept", {4});
  graph.rewrite({}, {x, kept});
  EXPECT_THAT(names_of(graph), ElementsAre("x", "kept"));
  EXPECT_THAT(graph.outputs(), ElementsAre(graph.tensor("x"), graph.tensor("kept")));
}

TEST(Rewrite, KeepsAttributesOfTensors) {
  Graph graph("net");
  graph.add_parameter("dropped", {1});
  const TensorId w =
      graph.add_parameter("w", {2}, {.kind = Initialization::Kind::kNormal, .value = 0.5});
  const TensorId c = graph.add_constant("c", {2}, {1, 2});
  graph.set_frozen("w");
  const TensorId y = ops::add(graph, "y", w, c);
  graph.rewrite({graph.nodes().begin(), graph.nodes().end()}, {y});
  const TensorInfo& info = graph.tensor(graph.tensor("w"));
  EXPECT_TRUE(info.frozen);
  EXPECT_EQ(info.initialization.kind, Initialization::Kind::kNormal);
  EXPECT_EQ(info.initialization.value, 0.5);
  EXPECT_THAT(*graph.tensor(graph.tensor("c")).values, ElementsAre(1.0F, 2.0F));
}

TEST(Rewrite, PutsANodeBetweenOthers) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  const TensorId y = ops::activate(graph, "y", x, ops::Function::kRelu);
  graph.add_output(y);
  const TensorId between = ops::activate(graph, "between", x, ops::Function::kTanh);
  std::vector<Node> nodes = {graph.nodes()[1], graph.nodes()[0]};
  nodes[1].inputs = {between};
  nodes[1].made_of = {"y", "z"};
  graph.rewrite(nodes, {y});
  EXPECT_EQ(graph.nodes()[0].name, "between");
  EXPECT_EQ(graph.nodes()[1].inputs[0], graph.tensor("between"));
  EXPECT_THAT(graph.nodes()[1].made_of, ElementsAre("y", "z"));
  EXPECT_EQ(graph.tensor(graph.tensor("y")).producer, NodeId{1});
}

}  // namespace
}  // namespace equipoise
