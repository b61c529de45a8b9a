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
  Graph graph = build_model(GetParam(), {.input_size = {{64, 64}}});
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

INSTANTIATE_TEST_SUITE_P(, ChooseLayouts,
                         ::testing::Values("resnet18", "efficientnet_b0", "mobilenet_v2"),
                         [](const auto& tested) { return tested.param; });

}  // namespace
}  // namespace equipoise::testing
