/// Parameters that are not trained, and what that makes of the rest of the step.

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include <gmock/gmock.h>

#include "engine/images.h"
#include "equipoise/norm_summary.h"
#include "equipoise/operations.h"
#include "equipoise/plan_report.h"

namespace equipoise::testing {
namespace {

constexpr ops::Pair kSize = {16, 16};

Graph frozen_classifier(std::initializer_list<std::string_view> patterns) {
  Graph graph = classifier();
  for (const std::string_view pattern : patterns) graph.set_frozen(pattern);
  return graph;
}

Session session_of(Graph graph, FrozenNorms norms = FrozenNorms::kRunning) {
  return Session(std::move(graph),
                 {.optimizer = ops::SgdOptions{.momentum = 0.9}, .frozen_norms = norms});
}

std::vector<float> values(const Session& session, std::string_view name) {
  const std::span<const float> values = session.state().values(name);
  return {values.begin(), values.end()};
}

StepResult train(Session& session, int steps = 3, std::int64_t batch = 4) {
  const Images images(batch, kSize);
  StepResult result;
  for (int i = 0; i < steps; ++i) {
    result = session.train({images.image(), images.labels()}, {.rate = 0.1F});
  }
  return result;
}

/// How many steps of a training plan are of a layer and of this kind, such as ".dx".
std::ptrdiff_t steps_of(Session& session, std::string_view layer, std::string_view kind) {
  const PlanReport report = session.report(Mode::kTraining, 4);
  return std::ranges::count_if(report.steps, [&](const StepReport& step) {
    return step.name.starts_with(layer) && step.name.find(kind) != std::string::npos;
  });
}

TEST(FrozenNorm, UsesAndKeepsItsRunningStatistics) {
  Session session = session_of(frozen_classifier({"bn1.*"}));
  // A mean and variance that no batch has.
  std::ranges::fill(session.state().values("bn1.running_mean"), 0.25F);
  std::ranges::fill(session.state().values("bn1.running_var"), 4.0F);
  const std::vector<float> mean = values(session, "bn1.running_mean");
  const std::vector<float> var = values(session, "bn1.running_var");
  const std::vector<float> trained = values(session, "layer1.0.bn1.running_mean");
  EXPECT_TRUE(train(session).updated);
  EXPECT_EQ(values(session, "bn1.running_mean"), mean);
  EXPECT_EQ(values(session, "bn1.running_var"), var);
  EXPECT_NE(values(session, "layer1.0.bn1.running_mean"), trained);
}

TEST(FrozenNorm, NormalizesAsInInference) {
  Session session = session_of(frozen_classifier({"*bn?.*", "*downsample.1.*"}));
  const Images images(4, kSize);
  const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0});
  const std::span<const float> row = step.results.values("logits");
  const std::vector<float> training(row.begin(), row.end());
  const std::span<const float> inference = session.run({images.image()}).values("logits");
  for (std::size_t i = 0; i < training.size(); ++i) EXPECT_NEAR(training[i], inference[i], 1e-4);
}

TEST(FrozenNorm, GoesByTheBatchWhereItIsToldTo) {
  Session session = session_of(frozen_classifier({"bn1.*"}), FrozenNorms::kAsBuilt);
  const std::vector<float> mean = values(session, "bn1.running_mean");
  const std::vector<float> weight = values(session, "bn1.weight");
  EXPECT_TRUE(train(session).updated);
  EXPECT_NE(values(session, "bn1.running_mean"), mean);
  EXPECT_EQ(values(session, "bn1.weight"), weight);
}

TEST(FrozenNorm, IsOneWhereNeitherWeightNorBiasAreTrained) {
  Session session = session_of(frozen_classifier({"bn1.weight"}));
  const std::vector<float> mean = values(session, "bn1.running_mean");
  train(session);
  EXPECT_NE(values(session, "bn1.running_mean"), mean) << "its bias is trained";
}

TEST(FrozenNorm, TrainsOnOneValuePerChannel) {
  Graph graph = build_model(
      "mlp", {.classes = 10, .input_size = kSize, .norm = {.kind = ModelNorm::Kind::kBatch}});
  add_classification_loss(graph);
  graph.set_frozen("norm*");
  Session session(graph, {.optimizer = ops::SgdOptions{}});
  const Images image(1, kSize, 1);
  EXPECT_TRUE(session.train({image.image(), image.labels()}, {.rate = 0.1F}).updated);
}

TEST(Frozen, NothingBeforeTheFirstTrainedLayerIsDifferentiated) {
  Session all = session_of(classifier());
  Session some = session_of(frozen_classifier({"conv1.*", "bn1.*", "layer1.*"}));
  for (const char* layer : {"conv1", "bn1", "layer1"}) {
    EXPECT_GT(steps_of(all, layer, ".update"), 0) << layer;
    for (const char* kind : {".dx", ".dweight", ".gradient", ".update"}) {
      EXPECT_EQ(steps_of(some, layer, kind), 0) << layer << kind;
    }
  }
  EXPECT_EQ(steps_of(all, "layer2", ".dx"), 3);
  EXPECT_EQ(steps_of(some, "layer2", ".dx"), 1) << "its two first convolutions read what is frozen";
  EXPECT_LT(some.memory(Mode::kTraining, 4), all.memory(Mode::kTraining, 4));
}

TEST(Frozen, WhatIsFrozenKeepsItsBitsAndTheRestIsTrained) {
  const std::initializer_list<std::string_view> patterns = {"conv1.*", "bn1.*", "layer1.*"};
  Session session = session_of(frozen_classifier(patterns));
  const Session before = session_of(classifier());
  EXPECT_TRUE(train(session).updated);
  for (const ConstStateView& entry : before.state().entries()) {
    if (!std::holds_alternative<std::span<const float>>(entry.values)) continue;
    if (entry.name.ends_with("momentum")) continue;
    const bool is_frozen = entry.name.starts_with("conv1") || entry.name.starts_with("bn1") ||
                           entry.name.starts_with("layer1");
    EXPECT_EQ(values(session, entry.name) == values(before, entry.name), is_frozen) << entry.name;
  }
}

TEST(SummarizeNorms, FrozenIsWhereNeitherWeightNorBiasIsTrained) {
  const Initialization one{.value = 1};
  for (const bool has_weight : {false, true}) {
    for (const bool has_bias : {false, true}) {
      Graph graph("norm");
      ops::NormInputs inputs{.x = graph.add_input("x", {GraphShape::kBatch, 4})};
      if (has_weight) inputs.weight = graph.add_parameter("bn.weight", {4}, one);
      if (has_bias) inputs.bias = graph.add_parameter("bn.bias", {4});
      graph.add_output(ops::batch_norm(graph, "bn", inputs, {.update_running = false}));
      EXPECT_FALSE(summarize_norms(graph).at(0).frozen);
      if (has_weight || has_bias) {
        graph.set_frozen("bn.*");
        EXPECT_TRUE(summarize_norms(graph).at(0).frozen) << has_weight << has_bias;
      }
      if (has_weight && has_bias) {
        graph.set_frozen("bn.bias", false);
        EXPECT_FALSE(summarize_norms(graph).at(0).frozen);
      }
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
