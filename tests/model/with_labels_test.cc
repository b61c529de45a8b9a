#include <algorithm>
#include <cmath>
#include <numeric>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/temporary_folder.h"
#include "equipoise/model.h"
#include "equipoise/models.h"
#include "equipoise/operations.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr std::int64_t kN = GraphShape::kBatch;

const std::vector<std::string> kOld = {"cat", "dog", "cow"};
const std::vector<std::string> kNew = {"oak", "elm", "ash", "yew", "fir"};
const Preprocessing kImages = {.channels = 3,
                               .resize = 40,
                               .interpolation = Interpolation::kBicubic,
                               .height = 32,
                               .width = 32,
                               .mean = {0.1F, 0.2F, 0.3F},
                               .std = {0.5F, 0.6F, 0.7F}};

Graph resnet() { return build_model("resnet8", {.classes = 3, .dropout = 0.3}); }

Model model_of(const Graph& graph, const std::vector<std::string>& labels = kOld) {
  const State state(graph, 7);
  return {graph, state.entries(), {.preprocessing = kImages, .labels = labels}};
}

std::vector<float> values(const Model& model, std::string_view name) {
  const std::span<const float> values = model.state().values(name);
  return {values.begin(), values.end()};
}

/// Names of tensors whose values differ, or that only one of the two has.
std::set<std::string> differing(const Model& a, const Model& b) {
  std::set<std::string> names;
  const auto compare = [&names](const Model& one, const Model& other) {
    for (const ConstStateView& entry : one.state().entries()) {
      const auto all = other.state().entries();
      const auto same = std::ranges::find(all, entry.name, &ConstStateView::name);
      const bool is_equal =
          same != all.end() && entry.values.index() == same->values.index() &&
          std::visit(
              [&](auto ours) {
                return std::ranges::equal(ours, std::get<decltype(ours)>(same->values));
              },
              entry.values);
      if (!is_equal) names.insert(std::string(entry.name));
    }
  };
  compare(a, b);
  compare(b, a);
  return names;
}

TEST(WithLabels, OnlyTheHeadIsNew) {
  const Model before = model_of(resnet());
  const Model after = before.with_labels(kNew);
  EXPECT_THAT(differing(before, after), ElementsAre("fc.bias", "fc.weight"));
  EXPECT_THAT(before.head(), ElementsAre("fc.weight", "fc.bias"));
  EXPECT_EQ(after.head(), before.head());
  EXPECT_EQ(after.class_count(), 5);
  EXPECT_EQ(after.info().labels, kNew);
  EXPECT_EQ(after.info().preprocessing, kImages);
  EXPECT_EQ(after.state().shape("fc.weight"), Shape({5, 64}));
}

TEST(WithLabels, TheNewHeadIsUniformAndDependsOnTheSeedAlone) {
  const Model before = model_of(resnet());
  const std::vector<float> weight = values(before.with_labels(kNew, 1), "fc.weight");
  EXPECT_LE(std::ranges::max(weight), 1.0 / 8);
  EXPECT_GE(std::ranges::min(weight), -1.0 / 8);
  const double squares = std::inner_product(weight.begin(), weight.end(), weight.begin(), 0.0);
  EXPECT_NEAR(squares / 320, 1.0 / 8 / 8 / 3, 1e-3);
  EXPECT_EQ(values(before.with_labels(kNew, 1), "fc.weight"), weight);
  EXPECT_NE(values(before.with_labels(kNew, 2), "fc.weight"), weight);
}

TEST(WithLabels, TheSameOnesKeepTheHead) {
  const Model before = model_of(resnet());
  EXPECT_THAT(differing(before, before.with_labels(kOld)), IsEmpty());
  EXPECT_THAT(differing(before, before.with_labels({"dog", "cat", "cow"})),
              ElementsAre("fc.bias", "fc.weight"));
}

TEST(WithLabels, EndsInLogitsWhateverTheNetworkEndedIn) {
  Graph graph("dense");
  const TensorId x = graph.add_input("image", {kN, 3, 32, 32});
  const TensorId features =
      ops::flatten(graph, "features", ops::global_average_pool(graph, "pool", x));
  const TensorId dense =
      ops::linear(graph, "dense", features, graph.add_parameter("dense.w", {3, 3}));
  graph.set_outputs({ops::softmax(graph, "probabilities", dense)});
  const Model before = model_of(graph);
  for (const Model& after : {before.with_labels(kNew), before.with_labels(kOld)}) {
    EXPECT_THAT(after.head(), ElementsAre("dense.w"));
    EXPECT_EQ(after.logits(), "logits");
    EXPECT_FALSE(after.graph().find_node("probabilities"));
  }
}

class WithLabelsFile : public TemporaryFolder {};

TEST_F(WithLabelsFile, ComesBackAsTheSameGraph) {
  const Model before = model_of(resnet()).with_labels(kNew, 3);
  before.save(folder_ / "model.onnx");
  const Model after = Model::load(folder_ / "model.onnx").with_labels(kNew, 4);
  EXPECT_EQ(after.graph().dump(), before.graph().dump());
  EXPECT_THAT(differing(before, after), IsEmpty());
}

TEST(WithLabels, LearnsTheOtherClasses) {
  const Graph before = build_model("mlp", {.classes = 3,
                                           .input_size = ops::Pair{4, 4},
                                           .hidden = {{8}},
                                           .mlp_activation = ops::Function::kRelu});
  const State state(before, 7);
  const Model model = Model(before, state.entries()).with_labels({"dark", "bright"}, 1);
  Graph graph = model.graph();
  add_classification_loss(graph);
  Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  session.state().load(model.state().entries());
  std::vector<float> images;
  std::vector<std::int32_t> labels;
  for (std::size_t n = 0; n < 8; ++n) {
    labels.push_back(static_cast<std::int32_t>(n % 2));
    for (std::size_t i = 0; i < 16; ++i) {
      images.push_back(static_cast<float>(i % (n + 3)) * 0.1F + static_cast<float>(n % 2));
    }
  }
  const std::vector<Input> batch = {
      {"image", {.data = images.data(), .shape = {8, 1, 4, 4}}},
      {"labels", {.data = labels.data(), .shape = {8}, .dtype = DType::kI32}}};
  const double first = session.train(batch, {.rate = 0.05F}).loss;
  double last = first;
  for (int step = 0; step < 20; ++step) last = session.train(batch, {.rate = 0.05F}).loss;
  EXPECT_LT(last, first / 2);
}

TEST(WithLabels, WithoutALinearLayerAtTheEndIsAnError) {
  Graph graph("convolved");
  const TensorId x = graph.add_input("image", {kN, 3, 32, 32});
  const TensorId y = ops::convolution(graph, "conv", x, graph.add_parameter("w", {3, 3, 1, 1}), {});
  graph.add_output(ops::flatten(graph, "logits", ops::global_average_pool(graph, "pool", y)));
  const Model model = model_of(graph);
  EXPECT_THAT(model.head(), IsEmpty());
  EXPECT_THAT(error_of([&] { (void)model.with_labels(kNew); }),
              HasSubstr("model 'convolved' does not end in a linear layer"));
}

TEST(WithLabels, WeightsOfTheHeadInAnotherLayerAreAnError) {
  Graph graph("tied");
  const TensorId x = graph.add_input("image", {kN, 3, 1, 1});
  const TensorId w = graph.add_parameter("w", {3, 3});
  const TensorId hidden = ops::linear(graph, "hidden", ops::flatten(graph, "flat", x), w);
  graph.add_output(ops::linear(graph, "logits", hidden, w));
  const State state(graph);
  const Model model(graph, state.entries());
  EXPECT_THAT(error_of([&] { (void)model.with_labels(kNew); }),
              HasSubstr("'w' of its last linear layer is part of another layer, too"));
}

TEST(WithLabels, OfWhatClassifiesNoImagesOrOfNoneAreErrors) {
  const Graph graph = build_model("encoder");
  const State state(graph);
  const Model encoder(graph, state.entries());
  EXPECT_THAT(error_of([&] { (void)encoder.with_labels(kNew); }),
              HasSubstr("is no classifier of images"));
  EXPECT_THAT(error_of([] { (void)model_of(resnet()).with_labels({}); }),
              HasSubstr("give it labels"));
}

}  // namespace
}  // namespace equipoise::testing
