/// Building a graph: what it refuses, and that refusing changes nothing.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "equipoise/operations.h"
#include "norm/error_message.h"
#include "ops/normalization.h"

namespace equipoise {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kN = GraphShape::kBatch;

TEST(GraphNames, AreUsedOnce) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  ops::activate(graph, "relu", x, ops::Function::kRelu);
  const auto taken = [](std::string_view name) {
    return AllOf(HasSubstr("graph 'net'"), HasSubstr("'" + std::string(name) + "' is taken"),
                 HasSubstr("names are used once"));
  };
  EXPECT_THAT(message_of([&] { graph.add_input("x", {kN}); }), taken("x"));
  EXPECT_THAT(message_of([&] { graph.add_parameter("x", {4}); }), taken("x"));
  EXPECT_THAT(message_of([&] { graph.add_buffer("relu", {4}); }), taken("relu"));
  EXPECT_THAT(message_of([&] { graph.add_constant("x", {1}, {0}); }), taken("x"));
  EXPECT_THAT(message_of([&] { ops::activate(graph, "x", x, ops::Function::kRelu); }), taken("x"));
  EXPECT_EQ(graph.tensors().size(), 2U);
  EXPECT_EQ(graph.nodes().size(), 1U);
}

TEST(GraphNames, AreNotEmpty) {
  Graph graph("net");
  EXPECT_THAT(message_of([&] { graph.add_input("", {kN}); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("without a name")));
}

TEST(GraphNames, OfSecondOutputsAreUsedOnceToo) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4, 2});
  graph.add_input("norm:record", {kN});
  EXPECT_THAT(message_of([&] { ops::instance_norm(graph, "norm", {.x = x}); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("'norm:record' is taken")));
  EXPECT_EQ(graph.tensors().size(), 2U) << "the first output was left behind";
  EXPECT_TRUE(graph.nodes().empty());
}

TEST(GraphTensors, ThatAreKeptAreNotBatched) {
  Graph graph("net");
  const auto kept = AllOf(HasSubstr("graph 'net'"), HasSubstr("'w' has shape (N, 4)"),
                          HasSubstr("cannot depend on the batch size N"));
  EXPECT_THAT(message_of([&] { graph.add_parameter("w", {kN, 4}); }), kept);
  EXPECT_THAT(message_of([&] { graph.add_buffer("w", {kN, 4}); }), kept);
  EXPECT_THAT(message_of([&] { graph.add_constant("w", {kN, 4}, {1, 2, 3, 4}); }), kept);
  EXPECT_TRUE(graph.tensors().empty());
}

TEST(GraphConstants, HaveAsManyValuesAsElements) {
  Graph graph("net");
  EXPECT_THAT(message_of([&] {
                graph.add_constant("c", {2, 3}, {1, 2, 3, 4, 5});
              }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("'c'"), HasSubstr("(2, 3)"),
                    HasSubstr("given 5 values; it needs 6")));
  const TensorId scalar = graph.add_constant("one", {}, {1});
  EXPECT_EQ(graph.tensor(scalar).values->size(), 1U);
}

TEST(GraphNodes, ReadTensorsOfTheirGraph) {
  Graph other("other");
  TensorId foreign = other.add_input("a", {kN});
  for (const char* name : {"b", "c", "d"}) foreign = other.add_input(name, {kN});
  Graph graph("net");
  graph.add_input("x", {kN});
  EXPECT_THAT(message_of([&] { ops::activate(graph, "relu", foreign, ops::Function::kRelu); }),
              AllOf(HasSubstr("graph 'net', node 'relu'"), HasSubstr("input 'x'"),
                    HasSubstr("number 3 of 1 tensors"), HasSubstr("ids are those")));
  EXPECT_THAT(message_of([&] { graph.add_output(foreign); }),
              AllOf(HasSubstr("graph 'net'"), HasSubstr("number 3 of its 1 tensors")));
}

TEST(GraphNodes, NeedTheInputsThatAreNotOptional) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 3, 8, 8});
  EXPECT_THAT(message_of([&] { ops::convolution(graph, "conv", x, {}, {}); }),
              AllOf(HasSubstr("graph 'net', node 'conv'"), HasSubstr("'weight' is missing")));
}

TEST(GraphNodes, SayWhatDoesNotFitAndWhatTheyRead) {
  Graph graph("net");
  const TensorId x = graph.add_input("images", {kN, 3, 8, 8});
  const TensorId weight = graph.add_parameter("conv.weight", {4, 5, 3, 3});
  EXPECT_THAT(message_of([&] { ops::convolution(graph, "conv", x, weight, {}); }),
              AllOf(HasSubstr("graph 'net', node 'conv'"), HasSubstr("'images' (N, 3, 8, 8)"),
                    HasSubstr("'conv.weight' (4, 5, 3, 3)")));
  EXPECT_FALSE(graph.find_tensor("conv"));
}

TEST(GraphNodes, NameTheirOutputs) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4, 2});
  const TensorId y = ops::instance_norm(graph, "norm", {.x = x});
  EXPECT_EQ(graph.tensor(y).name, "norm");
  EXPECT_EQ(graph.tensor(y).producer, graph.find_node("norm"));
  const TensorId record = graph.tensor("norm:record");
  EXPECT_TRUE(graph.tensor(record).type.record);
  EXPECT_EQ(graph.node(*graph.find_node("norm")).outputs[Norm::kRecord], record);
}

TEST(GraphNodes, MakeOptionalOutputsWhereWanted) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4, 2});
  const auto outputs =
      graph.add_node("norm", std::make_shared<Norm>(NormAttributes{}), {x, {}, {}, {}, {}, {}, {}});
  EXPECT_TRUE(outputs[Norm::kY]);
  EXPECT_FALSE(outputs[Norm::kRecord]);
  EXPECT_FALSE(graph.find_tensor("norm:record"));
}

TEST(GraphTensors, ThatAreUnknownHaveNeighbours) {
  Graph graph("net");
  graph.add_parameter("layer1.0.conv1.weight", {1});
  graph.add_parameter("layer1.0.conv2.weight", {1});
  EXPECT_THAT(message_of([&] { static_cast<void>(graph.tensor("layer1.0.conv3.weight")); }),
              AllOf(HasSubstr("graph 'net' has no tensor 'layer1.0.conv3.weight'"),
                    HasSubstr("did you mean 'layer1.0.conv1.weight', 'layer1.0.conv2.weight'?")));
  EXPECT_FALSE(graph.find_tensor("layer1"));
  EXPECT_FALSE(graph.find_node("layer1"));
}

TEST(GraphOutputs, AreSetTogetherOrNotAtAll) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN});
  const TensorId y = graph.add_input("y", {kN});
  graph.add_output(x);
  EXPECT_NE(message_of([&] { graph.set_outputs({y, TensorId{7}}); }), "no error");
  EXPECT_THAT(graph.outputs(), ElementsAre(x));
  EXPECT_NE(message_of([&] { graph.add_output({}); }), "no error");
  graph.set_outputs({y, x});
  EXPECT_THAT(graph.outputs(), ElementsAre(y, x));
}

TEST(GraphFreezing, GoesByPattern) {
  Graph graph("net");
  for (const char* name :
       {"conv1.weight", "bn1.weight", "bn1.bias", "layer1.0.bn1.bias", "fc.bias"}) {
    graph.add_parameter(name, {1});
  }
  graph.add_buffer("bn1.running_mean", {1});
  graph.add_input("bn1.input", {1});
  const auto frozen = [&] {
    std::vector<std::string> names;
    for (const TensorInfo& info : graph.tensors()) {
      if (info.frozen) names.push_back(info.name);
    }
    return names;
  };
  EXPECT_EQ(graph.set_frozen("bn1.*"), 2) << "buffers and inputs are not trained anyway";
  EXPECT_THAT(frozen(), ElementsAre("bn1.weight", "bn1.bias"));
  EXPECT_EQ(graph.set_frozen("*bn?.bias"), 2);
  EXPECT_THAT(frozen(), ElementsAre("bn1.weight", "bn1.bias", "layer1.0.bn1.bias"));
  EXPECT_EQ(graph.set_frozen("bn1.weight", false), 1);
  EXPECT_THAT(frozen(), ElementsAre("bn1.bias", "layer1.0.bn1.bias"));
  EXPECT_THAT(message_of([&] { graph.set_frozen("layr1.*"); }),
              HasSubstr("no parameter that 'layr1.*' matches; did you mean 'layer1.*'"));
  EXPECT_THAT(message_of([&] { graph.set_frozen("bn1"); }), HasSubstr("did you mean 'bn1.*'"));
  EXPECT_EQ(graph.set_frozen("*", false), 5);
  EXPECT_TRUE(frozen().empty());
}

TEST(Graphs, AreValues) {
  Graph graph("net");
  const TensorId x = graph.add_input("x", {kN, 4});
  graph.add_parameter("w", {4});
  Graph copy = graph;
  const TensorId y = ops::activate(copy, "relu", x, ops::Function::kRelu);
  copy.add_output(y);
  copy.set_frozen("w");
  EXPECT_TRUE(graph.nodes().empty());
  EXPECT_TRUE(graph.outputs().empty());
  EXPECT_FALSE(graph.tensor(graph.tensor("w")).frozen);
  const TensorId other = ops::activate(graph, "tanh", x, ops::Function::kTanh);
  EXPECT_EQ(other, y) << "ids count within a graph";
  EXPECT_EQ(copy.tensor(y).name, "relu");
}

}  // namespace
}  // namespace equipoise
