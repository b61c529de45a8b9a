/// Nothing that is still needed is overwritten, and the arena is not much larger than it has to be.

#include <memory>
#include <ostream>
#include <string>
#include <tuple>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/networks.h"
#include "engine/onednn/threads.h"
#include "engine/passes/pass.h"
#include "engine/plan_memory.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

using engine::Plan;
using ::testing::IsEmpty;

struct MemoryCase {
  std::string model;
  Mode mode;
  SessionOptions options = {};
  std::string name;
};

void PrintTo(const MemoryCase& tested, std::ostream* out) { *out << tested.name; }

Graph model_of(const MemoryCase& tested) {
  if (!tested.model.starts_with("resnet18") && !tested.model.starts_with("efficientnet")) {
    return small_network(tested.model, ModelNorm::Kind::kBatch).graph;
  }
  Graph graph = build_model(tested.model, {.classes = 10, .input_size = {{64, 64}}});
  add_classification_loss(graph);
  return graph;
}

std::shared_ptr<const Plan> plan_of(const MemoryCase& tested) {
  const engine::OneDnnThreads threads(num_threads());
  return engine::compile(model_of(tested), tested.mode, 2, threads.count(), tested.options);
}

std::vector<MemoryCase> memory_cases() {
  const SessionOptions trains{.optimizer = ops::SgdOptions{.momentum = 0.9}};
  std::vector<MemoryCase> cases;
  for (const char* model : {"mlp", "encoder", "mbconv", "resnet18", "efficientnet_b0"}) {
    cases.push_back({model, Mode::kTraining, trains, fmt::format("{}_training", model)});
    cases.push_back({model, Mode::kInference, {}, fmt::format("{}_inference", model)});
  }
  for (const char* model : {"resnet8", "encoder", "mbconv", "resnet18", "efficientnet_b0"}) {
    cases.push_back({model,
                     Mode::kTraining,
                     {.memory = MemoryMode::kLean, .optimizer = trains.optimizer},
                     fmt::format("{}_lean", model)});
  }
  cases.push_back({"resnet18", Mode::kTraining, {.gradients = {"*"}}, "resnet18_gradients"});
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8}) {
    cases.push_back({"resnet8",
                     Mode::kTraining,
                     {.layout = layout},
                     fmt::format("resnet8_{}", to_string(layout))});
  }
  cases.push_back({"resnet8",
                   Mode::kInference,
                   {.taps = {"layer1.0.bn1", "layer2.0.add", "flatten"}},
                   "resnet8_taps"});
  return cases;
}

class PlaceMemory : public ::testing::TestWithParam<MemoryCase> {};

TEST_P(PlaceMemory, OverwritesNothingThatIsNeeded) {
  EXPECT_THAT(overwritten(*plan_of(GetParam())), IsEmpty());
}

TEST_P(PlaceMemory, OverwritesNothingWithoutReuse) {
  MemoryCase without = GetParam();
  without.options.skip_passes = {"reuse_memory"};
  EXPECT_THAT(overwritten(*plan_of(without)), IsEmpty());
}

TEST_P(PlaceMemory, TakesLittleMoreThanWhatIsAlive) {
  const auto plan = plan_of(GetParam());
  const auto live = static_cast<double>(largest_live_bytes(*plan));
  EXPECT_LE(static_cast<double>(plan->arena_bytes), 1.3 * live);
  EXPECT_GE(static_cast<double>(plan->arena_bytes), live) << "the checker counts too much";
}

INSTANTIATE_TEST_SUITE_P(, PlaceMemory, ::testing::ValuesIn(memory_cases()),
                         [](const auto& tested) { return tested.param.name; });

/// The checker itself: two results in one place.
TEST(Overwritten, SeesAnOverlap) {
  const engine::OneDnnThreads threads(num_threads());
  Plan plan = engine::begin_plan(small_network("mlp", ModelNorm::Kind::kNone).graph,
                                 Mode::kInference, 2, threads.count(), {});
  for (const engine::Pass& pass : engine::passes()) pass.run(plan, {});
  ASSERT_THAT(overwritten(plan), IsEmpty());
  for (engine::PlannedTensor& tensor : plan.tensors) {
    if (tensor.place == engine::Place::kArena) tensor.offset = 0;
  }
  EXPECT_FALSE(overwritten(plan).empty());
}

}  // namespace
}  // namespace equipoise::testing
