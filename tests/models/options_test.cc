#include <algorithm>
#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/models.h"
#include "graph/operation.h"
#include "norm/error_message.h"
#include "ops/normalization.h"

namespace equipoise {
namespace {

using enum ModelNorm::Kind;
using ::testing::AllOf;
using ::testing::HasSubstr;

std::string error_of(std::string_view name, const ModelOptions& options = {}) {
  return message_of([&] { static_cast<void>(build_model(name, options)); });
}

int count(const Graph& graph, std::string_view type) {
  return static_cast<int>(std::ranges::count_if(
      graph.nodes(), [&](const Node& node) { return node.operation->type() == type; }));
}

/// Of the normalization of that name.
const NormAttributes& norm_of(const Graph& graph, std::string_view name) {
  return dynamic_cast<const Norm&>(*graph.node(*graph.find_node(name)).operation).norm();
}

const GraphShape& shape_of(const Graph& graph, std::string_view name) {
  return graph.tensor(graph.tensor(name)).type.shape;
}

const Initialization& initialization_of(const Graph& graph, std::string_view name) {
  return graph.tensor(graph.tensor(name)).initialization;
}

TEST(Models, AnUnknownNameIsAnErrorWithTheNearestNames) {
  EXPECT_THAT(error_of("resnet5"), AllOf(HasSubstr("'resnet5'"), HasSubstr("'resnet50'")));
  EXPECT_THAT(error_of("efficientnet"), HasSubstr("'efficientnet_b0'"));
}

TEST(Models, HaveTheInputsAndClassesOfTheirPapers) {
  const Graph large = build_model("resnet50");
  EXPECT_EQ(shape_of(large, "image"), (GraphShape{GraphShape::kBatch, 3, 224, 224}));
  EXPECT_EQ(shape_of(large, "logits"), (GraphShape{GraphShape::kBatch, 1000}));
  const Graph small = build_model("resnet20");
  EXPECT_EQ(shape_of(small, "image"), (GraphShape{GraphShape::kBatch, 3, 32, 32}));
  EXPECT_EQ(shape_of(small, "logits"), (GraphShape{GraphShape::kBatch, 10}));
  EXPECT_EQ(shape_of(build_model("efficientnet_b3"), "image"),
            (GraphShape{GraphShape::kBatch, 3, 300, 300}));
  EXPECT_EQ(shape_of(build_model("mlp"), "image"), (GraphShape{GraphShape::kBatch, 1, 28, 28}));
}

TEST(Models, TakeOtherInputsAndClasses) {
  const Graph graph =
      build_model("resnet18", {.classes = 7, .input_channels = 1, .input_size = {{64, 96}}});
  EXPECT_EQ(shape_of(graph, "image"), (GraphShape{GraphShape::kBatch, 1, 64, 96}));
  EXPECT_EQ(shape_of(graph, "layer4.1.relu"), (GraphShape{GraphShape::kBatch, 512, 2, 3}));
  EXPECT_EQ(shape_of(graph, "logits"), (GraphShape{GraphShape::kBatch, 7}));
}

TEST(Models, TheEncoderTakesTokensAndAMask) {
  const Graph graph = build_model("encoder", {.encoder = {.length = 9}});
  EXPECT_EQ(shape_of(graph, "tokens"), (GraphShape{GraphShape::kBatch, 9}));
  EXPECT_EQ(graph.tensor(graph.tensor("tokens")).type.dtype, DType::kI32);
  EXPECT_EQ(shape_of(graph, "mask"), (GraphShape{GraphShape::kBatch, 9}));
}

TEST(Models, NormalizeAsTorchvisionsDo) {
  for (const char* name : {"mobilenet_v2", "efficientnet_b0"}) {
    const Graph graph = build_model(name);
    EXPECT_EQ(norm_of(graph, "features.0.1").epsilon, 1e-5);
    EXPECT_EQ(norm_of(graph, "features.0.1").rule.momentum, 0.1);
  }
}

TEST(Models, PassOnEveryOptionOfBatchNormalization) {
  const UpdateRule rule{.momentum = 0.3, .averaging = Averaging::kWindowed, .window = 9};
  const Graph graph = build_model("resnet8", {.norm = {.epsilon = 1e-4,
                                                       .rule = rule,
                                                       .update_running = false,
                                                       .ghost_batch_size = 16,
                                                       .renorm = Renorm{.r_max = 2, .d_max = 1}}});
  for (const char* name : {"bn1", "layer1.0.bn2", "layer2.0.downsample.1"}) {
    const NormAttributes& norm = norm_of(graph, name);
    EXPECT_EQ(norm.epsilon, 1e-4);
    EXPECT_EQ(norm.rule, rule);
    EXPECT_FALSE(norm.update_running);
    EXPECT_EQ(norm.ghost_batch_size, 16);
    EXPECT_EQ(norm.renorm->r_max, 2);
  }
  const Graph blended = build_model(
      "resnet8",
      {.norm = {.statistics = Statistics::kBlend, .pseudo_count = 8, .synchronized = true}});
  EXPECT_EQ(norm_of(blended, "bn1").statistics, Statistics::kBlend);
  EXPECT_EQ(norm_of(blended, "bn1").pseudo_count, 8);
  EXPECT_TRUE(norm_of(blended, "bn1").synchronized);
}

TEST(Models, TakeTheLargestNumberOfGroupsThatDividesTheChannels) {
  const auto groups = [](std::string_view name, std::int64_t wanted) {
    const Graph graph =
        build_model("efficientnet_b0", {.norm = {.kind = kGroup, .groups = wanted}});
    return norm_of(graph, name).groups;
  };
  EXPECT_EQ(groups("features.0.1", 32), 32);            // of 32 channels
  EXPECT_EQ(groups("features.1.0.block.2.1", 32), 16);  // of 16
  EXPECT_EQ(groups("features.2.0.block.3.1", 32), 24);  // of 24
  EXPECT_EQ(groups("features.3.0.block.3.1", 32), 20);  // of 40
  EXPECT_EQ(groups("features.3.0.block.3.1", 8), 8);
}

TEST(Models, LayerNormOfImagesIsGroupNormWithOneGroup) {
  const Graph images = build_model("resnet8", {.norm = {.kind = kLayer}});
  EXPECT_EQ(norm_of(images, "bn1").kind, NormKind::kGroup);
  EXPECT_EQ(norm_of(images, "bn1").groups, 1);
  const Graph features = build_model("mlp", {.norm = {.kind = kLayer}});
  EXPECT_EQ(norm_of(features, "norm1").kind, NormKind::kLayer);
}

TEST(Models, RmsNormIsOverTheChannelsOfEachPosition) {
  const Graph images = build_model("resnet8", {.norm = {.kind = kRms}});
  EXPECT_EQ(norm_of(images, "bn1").axes.over, NormalizedOver::kChannels);
  EXPECT_FALSE(images.find_tensor("bn1.bias"));
  EXPECT_TRUE(images.find_tensor("conv1.bias"));
}

TEST(Models, ConvolutionsHaveABiasWhereNoNormalizationHasOne) {
  EXPECT_FALSE(build_model("resnet18").find_tensor("conv1.bias"));
  EXPECT_TRUE(build_model("resnet18", {.norm = {.kind = kNone}}).find_tensor("conv1.bias"));
}

TEST(Models, ZeroGammaIsThatOfTheLastNormalizationOfABranch) {
  const Graph graph = build_model("resnet50", {.zero_gamma = true});
  EXPECT_EQ(initialization_of(graph, "layer1.0.bn3.weight").value, 0);
  EXPECT_EQ(initialization_of(graph, "layer1.0.bn2.weight").value, 1);
  EXPECT_EQ(initialization_of(graph, "layer1.0.downsample.1.weight").value, 1);
  const Graph plain = build_model("plain20", {.zero_gamma = true});
  EXPECT_EQ(initialization_of(plain, "layer1.0.bn2.weight").value, 1);
  const Graph mobile = build_model("mobilenet_v2", {.zero_gamma = true});
  EXPECT_EQ(initialization_of(mobile, "features.3.conv.3.weight").value, 0);
  EXPECT_EQ(initialization_of(mobile, "features.2.conv.3.weight").value, 1)
      << "no shortcut where the stride is 2";
}

TEST(Models, DropoutIsThatOfTheFamilyUnlessItIsSaid) {
  EXPECT_EQ(count(build_model("efficientnet_b0"), "dropout"), 1);
  EXPECT_EQ(count(build_model("vgg16"), "dropout"), 2);
  EXPECT_EQ(count(build_model("resnet18"), "dropout"), 0);
  EXPECT_EQ(count(build_model("resnet18", {.dropout = 0.1}), "dropout"), 1);
  EXPECT_EQ(count(build_model("vgg16", {.dropout = 0}), "dropout"), 0);
}

TEST(Models, StochasticDepthGrowsWithDepth) {
  // EfficientNet-B0 has 16 blocks, 9 of them with a shortcut.
  EXPECT_EQ(count(build_model("efficientnet_b0"), "stochastic_depth"), 9);
  EXPECT_EQ(count(build_model("efficientnet_b0", {.stochastic_depth = 0}), "stochastic_depth"), 0);
  const Graph graph = build_model("resnet8", {.stochastic_depth = 0.3});
  const auto probability = [&](std::string_view node) {
    const auto attributes = graph.node(*graph.find_node(node)).operation->attributes();
    return std::get<double>(attributes.at(0).value);
  };
  EXPECT_DOUBLE_EQ(probability("layer1.0.stochastic_depth"), 0.1);
  EXPECT_DOUBLE_EQ(probability("layer3.0.stochastic_depth"), 0.3);
}

TEST(Models, AreInitializedAsInTorchvision) {
  const Graph resnet = build_model("resnet18");
  EXPECT_EQ(initialization_of(resnet, "conv1.weight").kind, Initialization::Kind::kNormal);
  EXPECT_DOUBLE_EQ(initialization_of(resnet, "conv1.weight").value, std::sqrt(2.0 / (64 * 7 * 7)));
  EXPECT_EQ(initialization_of(resnet, "fc.bias").kind, Initialization::Kind::kUniform);
  EXPECT_DOUBLE_EQ(initialization_of(resnet, "fc.bias").value, 1 / std::sqrt(512.0));
  EXPECT_EQ(initialization_of(resnet, "bn1.running_var").value, 1);
  EXPECT_EQ(initialization_of(resnet, "bn1.running_mean").value, 0);
  EXPECT_DOUBLE_EQ(initialization_of(build_model("vgg11"), "classifier.0.weight").value, 0.01);
}

TEST(Models, AnMlpOfSigmoidsBeginsAsGlorotAndOfRelusAsHe) {
  EXPECT_DOUBLE_EQ(initialization_of(build_model("mlp"), "fc1.weight").value,
                   std::sqrt(6.0 / (784 + 100)));
  const Graph relu =
      build_model("mlp", {.hidden = {{64, 32}}, .mlp_activation = ops::Function::kRelu});
  EXPECT_EQ(initialization_of(relu, "fc2.weight").kind, Initialization::Kind::kNormal);
  EXPECT_DOUBLE_EQ(initialization_of(relu, "fc2.weight").value, std::sqrt(2.0 / 64));
  EXPECT_EQ(shape_of(relu, "fc3.weight"), (GraphShape{10, 32}));
}

TEST(Models, GroupsOfOneValueAreAnError) {
  EXPECT_THAT(error_of("mlp", {.norm = {.kind = kInstance}}),
              AllOf(HasSubstr("'mlp'"), HasSubstr("'norm1'"), HasSubstr("one value")));
  EXPECT_THAT(error_of("mlp", {.norm = {.kind = kGroup}, .hidden = {{16}}}),
              HasSubstr("fewer groups"));
  EXPECT_THAT(error_of("resnet18", {.input_size = {{32, 32}}, .norm = {.kind = kInstance}}),
              AllOf(HasSubstr("(N, 512, 1, 1)"), HasSubstr("larger image")));
}

TEST(Models, OptionsThatTheNetworkHasNoUseForAreErrors) {
  EXPECT_THAT(error_of("encoder", {.input_size = {{32, 32}}}), HasSubstr("encoder.length"));
  EXPECT_THAT(error_of("encoder", {.input_channels = 3}), HasSubstr("input_channels"));
  EXPECT_THAT(error_of("resnet18", {.hidden = {{10}}}), HasSubstr("'mlp'"));
}

TEST(Models, OptionsOutOfRangeAreErrors) {
  EXPECT_THAT(error_of("resnet18", {.classes = 0}), HasSubstr("classes is 0"));
  EXPECT_THAT(error_of("resnet18", {.input_size = {{0, 32}}}), HasSubstr("input_size is 0"));
  EXPECT_THAT(error_of("resnet18", {.norm = {.groups = 0}}), HasSubstr("norm.groups is 0"));
  EXPECT_THAT(error_of("resnet18", {.dropout = 1}), HasSubstr("dropout is 1"));
  EXPECT_THAT(error_of("resnet18", {.stochastic_depth = -0.1}), HasSubstr("stochastic_depth"));
  EXPECT_THAT(error_of("mlp", {.hidden = {{100, 0}}}), HasSubstr("hidden"));
  EXPECT_THAT(error_of("encoder", {.encoder = {.width = 10, .heads = 4}}),
              AllOf(HasSubstr("10"), HasSubstr("4")));
}

TEST(Models, AnImageThatIsTooSmallForVggIsAnError) {
  EXPECT_THAT(error_of("vgg11", {.input_size = {{224, 31}}}),
              AllOf(HasSubstr("224 × 31"), HasSubstr("32 × 32")));
}

TEST(Models, ALossNeedsLogits) {
  Graph graph("empty");
  EXPECT_THAT(message_of([&] { add_classification_loss(graph); }), HasSubstr("logits"));
}

}  // namespace
}  // namespace equipoise
