/// What a training step does with batch normalization's statistics, node by node, against the layer
/// of layers.h: every way to take them, what is staged of it, and settings of a context.

#include <algorithm>
#include <cstdint>
#include <ostream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "equipoise/layers.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"

namespace equipoise::testing {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

constexpr std::int64_t kSamples = 7;
constexpr std::int64_t kChannels = 5;
constexpr std::int64_t kPositions = 3 * 4;
const Shape kShape{kSamples, kChannels, 3, 4};

struct Batch {
  std::vector<float> x, weights;

  explicit Batch(std::uint64_t seed) {
    for (std::uint64_t i = 0; i < static_cast<std::uint64_t>(kShape.element_count()); ++i) {
      x.push_back(2 * uniform(seed, i) + static_cast<float>(i % 3));
    }
    for (std::uint64_t i = 0; i < kSamples * kPositions; ++i) {
      weights.push_back(i % 5 == 0 ? 0 : uniform(seed + 100, i));
    }
  }
  ConstTensorView view() const { return {.data = x.data(), .shape = kShape}; }
};

struct Setting {
  std::string name;
  ops::BatchNormNode node = {};
  bool weighted = false;
};

void PrintTo(const Setting& setting, std::ostream* out) { *out << setting.name; }

class StagedStatistics : public ::testing::TestWithParam<Setting> {
 protected:
  Graph graph() const {
    Graph graph("test");
    const TensorId x = graph.add_input("x", {GraphShape::kBatch, kChannels, 3, 4});
    ops::NormInputs inputs{
        .x = x,
        .weight = graph.add_parameter("weight", {kChannels}, {.value = 1}),
        .bias = graph.add_parameter("bias", {kChannels}),
        .running_mean = graph.add_buffer("running_mean", {kChannels}, {.value = 0.5}),
        .running_var = graph.add_buffer("running_var", {kChannels}, {.value = 2})};
    if (GetParam().weighted) {
      inputs.position_weights = graph.add_input("weights", {GraphShape::kBatch, 3, 4});
    }
    const TensorId y = ops::batch_norm(graph, "bn", inputs, GetParam().node);
    graph.add_output(y);
    graph.add_output(ops::mean_squared_error(graph, "loss", y, x));
    return graph;
  }

  BatchNorm layer() const {
    const ops::BatchNormNode& node = GetParam().node;
    BatchNorm layer({.channels = kChannels,
                     .epsilon = node.epsilon,
                     .momentum = node.rule.momentum,
                     .averaging = node.rule.averaging,
                     .variance = node.rule.variance,
                     .pseudo_count = node.pseudo_count,
                     .ghost_batch_size = node.ghost_batch_size,
                     .renorm = node.renorm});
    layer.set_switches(
        {.statistics = node.statistics,
         .running_update = node.update_running ? RunningUpdate::kStage : RunningUpdate::kOff});
    set_running(layer);
    return layer;
  }

  static void set_running(BatchNorm& layer) {
    std::ranges::fill(layer.running_statistics().mutable_mean(), 0.5F);
    std::ranges::fill(layer.running_statistics().mutable_var(), 2.0F);
  }

  Session session() const { return Session(graph(), {.optimizer = ops::SgdOptions{}}); }

  std::vector<float> train(Session& session, const Batch& batch) const {
    std::vector<Input> inputs = {{"x", batch.view()}};
    if (GetParam().weighted) {
      inputs.push_back({"weights", {.data = batch.weights.data(), .shape = Shape{kSamples, 3, 4}}});
    }
    const StepResult step = session.train(inputs, {.rate = 0});
    EXPECT_TRUE(step.updated) << step.refusal;
    const auto y = step.results.values("bn");
    return {y.begin(), y.end()};
  }

  std::vector<float> forward(BatchNorm& layer, const Batch& batch) const {
    std::vector<float> y(batch.x.size());
    ForwardOptions options;
    if (GetParam().weighted) options.position_weights = batch.weights;
    layer.forward(batch.view(), {.data = y.data(), .shape = kShape}, options);
    return y;
  }
};

TEST_P(StagedStatistics, AreThoseOfTheLayer) {
  Session session = this->session();
  BatchNorm layer = this->layer();
  for (const std::uint64_t seed : {1, 2, 3}) {
    const Batch batch(seed);
    const std::vector<float> expected = forward(layer, batch);
    if (GetParam().node.update_running) layer.commit();
    EXPECT_THAT(train(session, batch), Pointwise(FloatNear(1e-5F), expected));
  }
  const RunningStatistics& expected = layer.running_statistics();
  const RunningStatistics& actual = *session.state().running_statistics("running_mean");
  EXPECT_THAT(actual.mean(), Pointwise(FloatNear(1e-5F), expected.mean()));
  EXPECT_THAT(actual.var(), Pointwise(FloatNear(1e-5F), expected.var()));
  EXPECT_EQ(actual.num_batches_tracked(), expected.num_batches_tracked());
  const bool learns = GetParam().node.update_running;
  EXPECT_EQ(actual.mean()[0] != 0.5F, learns);
}

/// Those that a context may change to others.
class SetStatistics : public StagedStatistics {};

TEST_P(SetStatistics, AreThoseOfTheLayer) {
  const Batch batch(4);
  for (const Statistics statistics : {Statistics::kBlend, Statistics::kRunning}) {
    Session session = this->session();
    BatchNorm layer = this->layer();
    layer.set_switches({.statistics = statistics, .running_update = RunningUpdate::kOff});
    // Means and variances of the context's own, in place of the state's.
    const std::vector<float> mean(kChannels, -0.25F);
    const std::vector<float> var(kChannels, 3.0F);
    session.context().set_norm(
        "bn", {.statistics = statistics, .update_running = false, .mean = mean, .var = var});
    std::ranges::copy(mean, layer.running_statistics().mutable_mean().begin());
    std::ranges::copy(var, layer.running_statistics().mutable_var().begin());
    const std::vector<float> expected = forward(layer, batch);
    EXPECT_THAT(train(session, batch), Pointwise(FloatNear(1e-5F), expected));
    const RunningStatistics& kept = *session.state().running_statistics("running_mean");
    EXPECT_EQ(kept.mean()[0], 0.5F);
    EXPECT_EQ(kept.num_batches_tracked(), 0);
  }
}

std::vector<Setting> plain_settings() {
  return {
      {.name = "plain"},
      {.name = "weighted", .weighted = true},
      {.name = "blend", .node = {.statistics = Statistics::kBlend, .pseudo_count = 5}},
      {.name = "blend_weighted", .node = {.statistics = Statistics::kBlend}, .weighted = true},
      {.name = "running", .node = {.statistics = Statistics::kRunning}},
      {.name = "no_update", .node = {.update_running = false}},
      {.name = "cumulative", .node = {.rule = {.averaging = Averaging::kCumulative}}},
      {.name = "biased", .node = {.rule = {.variance = VarianceEstimate::kBiased}}},
  };
}

std::vector<Setting> all_settings() {
  std::vector<Setting> all = plain_settings();
  const Renorm renorm{.r_max = 1.5, .d_max = 0.5};
  for (const bool weighted : {false, true}) {
    const std::string suffix = weighted ? "_weighted" : "";
    all.push_back(
        {.name = "ghost" + suffix, .node = {.ghost_batch_size = 3}, .weighted = weighted});
    all.push_back({.name = "renorm" + suffix, .node = {.renorm = renorm}, .weighted = weighted});
  }
  return all;
}

INSTANTIATE_TEST_SUITE_P(, StagedStatistics, ::testing::ValuesIn(all_settings()),
                         [](const auto& setting) { return setting.param.name; });
INSTANTIATE_TEST_SUITE_P(, SetStatistics, ::testing::ValuesIn(plain_settings()),
                         [](const auto& setting) { return setting.param.name; });

}  // namespace
}  // namespace equipoise::testing
