#include <algorithm>
#include <map>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "formats/onnx.h"
#include "formats/onnx_networks.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAreArray;

/// Without the order in which tensors are listed.
std::vector<std::string> lines_of(const Graph& graph) {
  std::vector<std::string> lines;
  std::istringstream text(graph.dump());
  for (std::string line; std::getline(text, line);) lines.push_back(line);
  std::ranges::sort(lines);
  return lines;
}

void expect_same_state(const State& actual, const State& expected) {
  const auto wanted = expected.entries();
  ASSERT_EQ(actual.entries().size(), wanted.size());
  for (const ConstStateView& entry : wanted) {
    const auto all = actual.entries();
    const auto found = std::ranges::find(all, entry.name, &ConstStateView::name);
    ASSERT_NE(found, all.end()) << entry.name;
    if (const auto* values = std::get_if<std::span<const float>>(&entry.values)) {
      const auto read = std::get<std::span<const float>>(found->values);
      EXPECT_TRUE(std::ranges::equal(read, *values)) << entry.name;
    } else {
      EXPECT_EQ(std::get<1>(found->values)[0], std::get<1>(entry.values)[0]) << entry.name;
    }
  }
}

class OnnxRoundTrip : public ::testing::TestWithParam<BuiltNetwork> {};

TEST_P(OnnxRoundTrip, GivesBackNetworkStateAndOutputs) {
  Session session(GetParam().graph());
  shake(session.state());
  const std::string bytes = formats::encode_onnx(
      session.graph(), std::as_const(session).state().entries(), {{"owner", "somebody"}});
  const formats::OnnxModel read = decode(bytes);
  EXPECT_THAT(lines_of(read.graph), ElementsAreArray(lines_of(session.graph())));
  EXPECT_EQ(read.metadata, (formats::Metadata{{"owner", "somebody"}}));

  Session again(read.graph);
  again.state().load(views(read));
  expect_same_state(std::as_const(again).state(), std::as_const(session).state());

  const MadeInputs inputs(session.graph(), 2);
  const auto expected = session.run(inputs.inputs()).values("logits");
  EXPECT_THAT(again.run(inputs.inputs()).values("logits"), ElementsAreArray(expected));
}

INSTANTIATE_TEST_SUITE_P(Builders, OnnxRoundTrip, ::testing::ValuesIn(built_networks()),
                         [](const auto& test) { return test.param.name(); });

/// A graph of one batch normalization with an input of its own.
struct OneNorm {
  explicit OneNorm(const ops::BatchNormNode& options) {
    const TensorId x = graph.add_input("x", {GraphShape::kBatch, 3, 2, 2});
    graph.add_output(
        ops::batch_norm(graph, "bn",
                        {.x = x,
                         .running_mean = graph.add_buffer("bn.running_mean", {3}),
                         .running_var = graph.add_buffer("bn.running_var", {3}, {.value = 1})},
                        options));
  }

  Graph read() const {
    const State state(graph);
    return decode(formats::encode_onnx(graph, state.entries())).graph;
  }

  Graph graph{"one"};
};

TEST(OnnxRoundTripOfTraining, KeepsHowBatchNormalizationTrains) {
  const OneNorm renorm({.renorm = Renorm{.r_max = 3, .d_max = 5}});
  EXPECT_EQ(renorm.read().dump(), renorm.graph.dump());
  const OneNorm given({.epsilon = 1e-4,
                       .statistics = Statistics::kBlend,
                       .rule = {.averaging = Averaging::kWindowed,
                                .window = 12,
                                .variance = VarianceEstimate::kBiased},
                       .pseudo_count = 3,
                       .ghost_batch_size = 4});
  EXPECT_EQ(given.read().dump(), given.graph.dump());
}

TEST(OnnxRoundTripOfTraining, KeepsAnEpsilonThatIsNoFloat) {
  const OneNorm given({.epsilon = 1.23456789e-5});
  EXPECT_THAT(given.read().dump(), ::testing::HasSubstr("1.23456789e-05"));
}

TEST(OnnxRoundTripOfTraining, LeavesOutTheLoss) {
  Graph graph = build_model("mlp");
  const State state(graph);
  const Graph plain = graph;
  const TensorId loss = add_classification_loss(graph);
  graph.set_outputs({graph.tensor("logits")});
  (void)loss;
  EXPECT_EQ(lines_of(decode(formats::encode_onnx(graph, state.entries())).graph), lines_of(plain));
}

TEST(OnnxRoundTripOfTraining, KeepsWhatIsFrozen) {
  Graph graph = build_model("resnet8");
  graph.set_frozen("layer1.*");
  const State state(graph);
  const Graph read = decode(formats::encode_onnx(graph, state.entries())).graph;
  EXPECT_TRUE(read.tensor(read.tensor("layer1.0.conv1.weight")).frozen);
  EXPECT_FALSE(read.tensor(read.tensor("layer2.0.conv1.weight")).frozen);
}

/// What a normalization may do besides becomes nodes of its own, which compute the same.
TEST(OnnxRoundTripOfFused, ComputesTheSame) {
  Graph graph("fused");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 8, 3, 3});
  const TensorId weight = graph.add_parameter("weight", {8}, {.value = 1});
  const TensorId bias = graph.add_parameter("bias", {8});
  TensorId y = x;
  y = ops::group_norm(graph, "group", {.x = y, .weight = weight, .residual = x}, 2,
                      {.activation = Activation::kRelu});
  y = ops::instance_norm(graph, "instance", {.x = y, .bias = bias},
                         {.activation = Activation::kLeakyRelu, .negative_slope = 0.2F});
  y = ops::rms_norm(graph, "rms", {.x = y, .bias = bias}, {.over = NormalizedOver::kChannels},
                    {.activation = Activation::kSilu});
  y = ops::layer_norm(graph, "channels", {.x = y, .residual = x},
                      {.over = NormalizedOver::kChannels});
  y = ops::layer_norm(graph, "layer", {.x = y}, {.trailing = 2});
  graph.add_output(y);
  Session session(graph);
  shake(session.state());
  const formats::OnnxModel read =
      decode(formats::encode_onnx(session.graph(), std::as_const(session).state().entries()));
  Session again(read.graph);
  again.state().load(views(read));
  const MadeInputs inputs(graph, 2);
  const auto expected = session.run(inputs.inputs()).values("layer");
  const auto actual = again.run(inputs.inputs()).values("layer");
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], 1e-5);
}

}  // namespace
}  // namespace equipoise::testing
