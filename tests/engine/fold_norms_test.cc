/// Which batch normalizations go into the weights before them.

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/compile.h"
#include "engine/passes/pass.h"
#include "equipoise/operations.h"
#include "ops/convolution.h"

namespace equipoise::testing {
namespace {

using engine::NormsAre;
using engine::Plan;
using ::testing::ElementsAre;

constexpr std::int64_t kN = GraphShape::kBatch;

/// A convolution of (N, 3, 5, 5) to 4 channels, and what is behind it.
class FoldNorms : public ::testing::Test {
 protected:
  TensorId convolution(const std::string& name = "conv") {
    const TensorId x =
        graph_.find_tensor("x") ? graph_.tensor("x") : graph_.add_input("x", {kN, 3, 5, 5});
    return ops::convolution(graph_, name, x, graph_.add_parameter(name + ".weight", {4, 3, 3, 3}),
                            {});
  }
  TensorId batch_norm(TensorId x, ops::BatchNormNode options = {}, TensorId residual = {}) {
    return ops::batch_norm(graph_, "bn",
                           {.x = x,
                            .running_mean = graph_.add_buffer("mean", {4}),
                            .running_var = graph_.add_buffer("var", {4}, {.value = 1}),
                            .residual = residual},
                           options);
  }

  /// Names of the nodes that are left, in order.
  std::vector<std::string> fold(TensorId output, NormsAre norms_are = NormsAre::kFolded,
                                Mode mode = Mode::kInference,
                                const std::vector<std::string>& taps = {}) {
    graph_.add_output(output);
    const SessionOptions options{.taps = taps, .loss = graph_.tensor(output).name};
    plan_ = engine::begin_plan(graph_, mode, 2, 1, options);
    plan_.norms_are = norms_are;
    engine::resolve_mode(plan_, options);
    engine::fold_norms(plan_, options);
    plan_.graph.verify();
    std::vector<std::string> names;
    for (const Node& node : plan_.graph.nodes()) names.push_back(node.name);
    return names;
  }

  const Node& node(std::string_view name) const {
    return plan_.graph.node(*plan_.graph.find_node(name));
  }

  Graph graph_{"net"};
  Plan plan_;
};

TEST_F(FoldNorms, TakesTheOneBehindAConvolution) {
  EXPECT_THAT(fold(batch_norm(convolution())), ElementsAre("bn folded", "conv"));
  EXPECT_THAT(node("conv").made_of, ElementsAre("conv", "bn"));
}

TEST_F(FoldNorms, TakesTheOneBehindALinearLayer) {
  const TensorId x = graph_.add_input("x", {kN, 3});
  const TensorId weight = graph_.add_parameter("weight", {4, 3});
  EXPECT_THAT(fold(batch_norm(ops::linear(graph_, "fc", x, weight))),
              ElementsAre("bn folded", "fc"));
}

TEST_F(FoldNorms, TakesItsResidualAndActivationToo) {
  const TensorId other = convolution("other");
  EXPECT_THAT(fold(batch_norm(convolution(), {.activation = Activation::kSilu}, other)),
              ElementsAre("other", "bn folded", "conv"));
  EXPECT_EQ(plan_.graph.tensor(node("conv").inputs[Convolution::kResidual]).name, "other");
  const auto& folded = static_cast<const Convolution&>(*node("conv").operation);
  EXPECT_EQ(folded.epilogue().function, ops::Function::kSilu);
}

TEST_F(FoldNorms, LeavesOneWithAnActivationBehindALinearLayer) {
  const TensorId x = graph_.add_input("x", {kN, 3});
  const TensorId y = ops::linear(graph_, "fc", x, graph_.add_parameter("weight", {4, 3}));
  EXPECT_THAT(fold(batch_norm(y, {.activation = Activation::kRelu})), ElementsAre("fc", "bn"));
}

TEST_F(FoldNorms, LeavesOneWhoseChannelsAreNotRowsOfTheWeight) {
  const TensorId x = graph_.add_input("x", {kN, 4, 3});
  const TensorId y = ops::linear(graph_, "fc", x, graph_.add_parameter("weight", {4, 3}));
  EXPECT_THAT(fold(batch_norm(y)), ElementsAre("fc", "bn"));
}

TEST_F(FoldNorms, LeavesASwitchablePlan) {
  EXPECT_THAT(fold(batch_norm(convolution()), NormsAre::kSwitchable), ElementsAre("conv", "bn"));
}

TEST_F(FoldNorms, LeavesTrainingWithRunningStatisticsToo) {
  EXPECT_THAT(fold(batch_norm(convolution(), {.statistics = Statistics::kRunning}),
                   NormsAre::kFolded, Mode::kTraining),
              ElementsAre("conv", "bn"));
}

TEST_F(FoldNorms, LeavesStatisticsOfTheBatch) {
  EXPECT_THAT(fold(ops::batch_norm(graph_, "bn", {.x = convolution()}, {.update_running = false})),
              ElementsAre("conv", "bn"));
}

TEST_F(FoldNorms, LeavesAConvolutionThatIsTapped) {
  EXPECT_THAT(fold(batch_norm(convolution()), NormsAre::kFolded, Mode::kInference, {"conv"}),
              ElementsAre("conv", "bn"));
}

TEST_F(FoldNorms, LeavesAConvolutionThatTwoNodesRead) {
  const TensorId y = convolution();
  EXPECT_THAT(fold(ops::add(graph_, "add", batch_norm(y), y)), ElementsAre("conv", "bn", "add"));
}

TEST_F(FoldNorms, LeavesWeightsThatAreComputed) {
  const TensorId x = graph_.add_input("x", {kN, 3, 5, 5});
  const TensorId half = graph_.add_parameter("half", {4, 3, 3, 3});
  const TensorId weight = ops::add(graph_, "weight", half, half);
  EXPECT_THAT(fold(batch_norm(ops::convolution(graph_, "conv", x, weight, {}))),
              ElementsAre("weight", "conv", "bn"));
}

TEST_F(FoldNorms, LeavesOtherNormalizations) {
  EXPECT_THAT(fold(ops::group_norm(graph_, "gn", {.x = convolution()}, 2)),
              ElementsAre("conv", "gn"));
}

}  // namespace
}  // namespace equipoise::testing
