/// What the shape rule of normalization says of inputs and options that do not fit.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/interpreter.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

/// x (N, 6, 4, 4), and whatever else a case wants.
class NormErrors : public ::testing::Test {
 protected:
  std::string batch_norm(const ops::NormInputs& inputs,
                         const ops::BatchNormNode& options = {.update_running = false}) {
    return message_of([&] { ops::batch_norm(graph_, "bn1", inputs, options); });
  }

  std::string layer_norm(const ops::NormInputs& inputs, LayerAxes axes) {
    return message_of([&] { ops::layer_norm(graph_, "ln1", inputs, axes); });
  }

  TensorId add(std::string name, GraphShape shape) {
    return graph_.add_input(std::move(name), shape);
  }

  Graph graph_{"test"};
  TensorId x_ = graph_.add_input("x", {GraphShape::kBatch, 6, 4, 4});
  TensorId running_mean_ = graph_.add_buffer("mean", {6});
  TensorId running_var_ = graph_.add_buffer("var", {6});
};

TEST_F(NormErrors, NameTheNodeAndWhatItReads) {
  EXPECT_THAT(batch_norm({.x = x_, .weight = add("gamma", {5})}),
              AllOf(HasSubstr("bn1"), HasSubstr("'gamma' (5)"),
                    HasSubstr("weight has shape (5); it has to be (6), as one per channel of x")));
}

TEST_F(NormErrors, BiasOfAnotherSize) {
  EXPECT_THAT(batch_norm({.x = x_, .bias = add("beta", {6, 1})}),
              HasSubstr("bias has shape (6, 1); it has to be (6)"));
}

TEST_F(NormErrors, XWithoutChannels) {
  EXPECT_THAT(batch_norm({.x = add("flat", {GraphShape::kBatch})}),
              HasSubstr("x has shape (N); it needs at least the dimensions (N, C)"));
}

TEST_F(NormErrors, XOfIndices) {
  const TensorId indices = graph_.add_input("indices", {GraphShape::kBatch, 6}, DType::kI32);
  EXPECT_THAT(batch_norm({.x = indices}), HasSubstr("x is i32; it has to be f32"));
}

TEST_F(NormErrors, UpdateWithoutRunningStatistics) {
  EXPECT_THAT(batch_norm({.x = x_}, {}),
              HasSubstr("running_mean is missing; update_running needs running_mean and "
                        "running_var of shape (6)"));
  EXPECT_THAT(batch_norm({.x = x_, .running_mean = running_mean_}, {}),
              HasSubstr("running_var is missing"));
}

TEST_F(NormErrors, RunningStatisticsThatNormalizeAreMissing) {
  for (const Statistics statistics : {Statistics::kRunning, Statistics::kBlend}) {
    EXPECT_THAT(batch_norm({.x = x_}, {.statistics = statistics, .update_running = false}),
                HasSubstr("its statistics need running_mean and running_var"));
  }
  EXPECT_THAT(batch_norm({.x = x_}, {.update_running = false, .renorm = Renorm{}}),
              HasSubstr("its statistics need running_mean and running_var"));
}

TEST_F(NormErrors, HalfOfRunningStatistics) {
  EXPECT_THAT(batch_norm({.x = x_, .running_var = running_var_}),
              HasSubstr("give both or neither of running_mean and running_var"));
}

TEST_F(NormErrors, RunningStatisticsOfAnotherSize) {
  EXPECT_THAT(
      batch_norm(
          {.x = x_, .running_mean = graph_.add_buffer("short", {5}), .running_var = running_var_}),
      HasSubstr("running_mean has shape (5); it has to be (6)"));
}

TEST_F(NormErrors, RunningStatisticsOfOtherNormalizations) {
  EXPECT_THAT(message_of([&] {
                ops::instance_norm(
                    graph_, "in1",
                    {.x = x_, .running_mean = running_mean_, .running_var = running_var_});
              }),
              HasSubstr("are of batch normalization alone"));
}

TEST_F(NormErrors, ResidualOfAnotherShape) {
  EXPECT_THAT(batch_norm({.x = x_, .residual = add("shortcut", {GraphShape::kBatch, 6, 4, 2})}),
              HasSubstr("residual has shape (N, 6, 4, 2); it has to be (N, 6, 4, 4), as x"));
}

TEST_F(NormErrors, PositionWeightsWithChannels) {
  EXPECT_THAT(
      batch_norm({.x = x_, .position_weights = add("mask", {GraphShape::kBatch, 6, 4, 4})}),
      HasSubstr("position_weights has shape (N, 6, 4, 4); it has to be (N, 4, 4), as x without"));
}

TEST_F(NormErrors, PositionWeightsOfLayerNormalization) {
  EXPECT_THAT(layer_norm({.x = x_, .position_weights = add("mask", {GraphShape::kBatch, 4, 4})},
                         {.trailing = 1}),
              HasSubstr("use group normalization with one group"));
}

TEST_F(NormErrors, AxesThatAreNotSaidOrLeaveNoSample) {
  EXPECT_THAT(layer_norm({.x = x_}, {}), HasSubstr("trailing is 0 for x of shape (N, 6, 4, 4)"));
  EXPECT_THAT(layer_norm({.x = x_}, {.trailing = 4}), HasSubstr("give 1 to 3 dimensions"));
  EXPECT_THAT(layer_norm({.x = x_}, {.over = NormalizedOver::kChannels, .trailing = 1}),
              HasSubstr("trailing is 1 beside NormalizedOver::kChannels"));
}

TEST_F(NormErrors, WeightOfLayerNormalizationIsOfTheTrailingDimensions) {
  EXPECT_THAT(layer_norm({.x = x_, .weight = add("gamma", {6})}, {.trailing = 2}),
              HasSubstr("it has to be (4, 4), as the trailing dimensions of x"));
}

TEST_F(NormErrors, GroupsThatDoNotDivide) {
  for (const std::int64_t groups : {0, 4}) {
    EXPECT_THAT(message_of([&] { ops::group_norm(graph_, "gn1", {.x = x_}, groups); }),
                HasSubstr("it has to divide the 6 channels of x (N, 6, 4, 4)"));
  }
}

TEST_F(NormErrors, OptionsOutOfRange) {
  const ops::NormInputs in{.x = x_, .running_mean = running_mean_, .running_var = running_var_};
  const std::pair<ops::BatchNormNode, const char*> cases[] = {
      {{.epsilon = 0}, "epsilon is 0"},
      {{.rule = {.momentum = 1.5}}, "momentum is 1.5"},
      {{.rule = {.window = 0}}, "window is 0"},
      {{.statistics = Statistics::kBlend, .pseudo_count = 0}, "pseudo_count is 0"},
      {{.ghost_batch_size = -1}, "ghost_batch_size is -1"},
      {{.ghost_batch_size = 2, .synchronized = true}, "contradict each other"},
      {{.statistics = Statistics::kRunning, .renorm = Renorm{}}, "renorm corrects"},
      {{.renorm = Renorm{.r_max = 0.5}}, "r_max is 0.5"},
      {{.renorm = Renorm{.d_max = -1}}, "d_max is -1"}};
  for (const auto& [options, text] : cases) {
    EXPECT_THAT(batch_norm(in, options), HasSubstr(text));
  }
}

TEST_F(NormErrors, OneValuePerChannelIsAnErrorOfTheRun) {
  const TensorId rows = add("rows", {GraphShape::kBatch, 2});
  graph_.add_output(ops::batch_norm(graph_, "bn1", {.x = rows}, {.update_running = false}));
  std::map<std::string, Array> values = {{"rows", Array({1, 2})},
                                         {"x", Array({1, 6, 4, 4})},
                                         {"mean", Array({6})},
                                         {"var", Array({6})}};
  EXPECT_THAT(message_of([&] { interpret(graph_, values, {.batch = 1}); }),
              HasSubstr("statistics of the batch need more than one"));
}

}  // namespace
}  // namespace equipoise
