#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/onednn/threads.h"
#include "equipoise/models.h"
#include "equipoise/runtime.h"
#include "graph/operation.h"

namespace equipoise::testing {
namespace {

class ChooseLayouts : public ::testing::TestWithParam<std::string> {};

/// oneDNN's reference loops take 100 to 1,000 times as long as its JIT, and ours are no faster.
/// Every convolution of these networks has a JIT in one layout or another.
TEST_P(ChooseLayouts, NeverTakesReferenceLoopsForConvolutions) {
  Graph graph = build_model(GetParam(), {.input_size = {{96, 96}}});
  add_classification_loss(graph);
  const engine::OneDnnThreads threads(num_threads());
  const auto plan = engine::compile(graph, Mode::kTraining, 2, threads.count(),
                                    {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  int convolutions = 0;
  for (std::size_t s = 0; s < plan->steps.size(); ++s) {
    const Node& node = plan->graph.nodes()[s];
    if (!node.operation->type().starts_with("convolution")) continue;
    ++convolutions;
    const engine::Step& step = plan->steps[s];
    EXPECT_NE(step.implementation, "reference")
        << node.name << ": " << (step.declined.empty() ? "" : step.declined.front().reason);
    EXPECT_EQ(step.detail.find("ref"), std::string::npos) << node.name << ": " << step.detail;
  }
  EXPECT_GT(convolutions, 50);
}

/// Images go from layer to layer as they are. One of one position, as in squeeze-excitation, is no
/// more than a vector.
TEST_P(ChooseLayouts, LeavesImagesBetweenLayersAsTheyLie) {
  Graph graph = build_model(GetParam(), {.input_size = {{96, 96}}});
  add_classification_loss(graph);
  const engine::OneDnnThreads threads(num_threads());
  for (const Mode mode : {Mode::kTraining, Mode::kInference}) {
    const auto plan = engine::compile(graph, mode, 2, threads.count(),
                                      {.optimizer = ops::SgdOptions{.momentum = 0.9}});
    for (const Node& node : plan->graph.nodes()) {
      if (node.operation->type() != "reorder") continue;
      const TensorInfo& moved = plan->graph.tensor(node.inputs[0]);
      const auto& planned = plan->tensors[static_cast<std::size_t>(node.inputs[0].index)];
      const bool of_weights =
          planned.format.weights ||
          plan->tensors[static_cast<std::size_t>(node.outputs[0].index)].format.weights;
      if (moved.role != TensorRole::kResult || of_weights) continue;
      EXPECT_TRUE(planned.shape.rank() < 4 || planned.shape.positions() == 1)
          << to_string(mode) << ": " << node.name << " of " << to_string(planned.shape);
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, ChooseLayouts,
                         ::testing::Values("resnet18", "resnet50", "resnet20", "efficientnet_b0",
                                           "efficientnet_lite0", "mobilenet_v2"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace equipoise::testing
