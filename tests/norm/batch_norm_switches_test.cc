// What statistics a batch norm layer normalizes with, and what a step changes in it.

#include <algorithm>
#include <cmath>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/layers.h"
#include "norm/layer_testing.h"

namespace equipoise {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::StartsWith;

TEST(BatchNormSwitches, SwitchesAreIndependent) {
  const Tensor x = random_tensor(1);
  for (const Statistics statistics :
       {Statistics::kBatch, Statistics::kRunning, Statistics::kBlend}) {
    std::vector<float> y;
    for (const RunningUpdate update : {RunningUpdate::kStage, RunningUpdate::kOff}) {
      for (const Affine affine : {Affine::kTrained, Affine::kFrozen}) {
        for (const Averaging averaging : {Averaging::kMomentum, Averaging::kCumulative}) {
          BatchNorm layer = trained_layer();
          const BatchNormSwitches switches = {.statistics = statistics,
                                              .running_update = update,
                                              .affine = affine,
                                              .averaging = averaging};
          layer.set_switches(switches);
          EXPECT_EQ(layer.switches(), switches);

          const Tensor output = forward(layer, x);
          if (y.empty()) y = output.values;
          EXPECT_EQ(output.values, y) << "only `statistics` may change the output";

          EXPECT_EQ(layer.running_statistics().staged(), update == RunningUpdate::kStage ? 1 : 0);
          backward(layer, x, x);
          EXPECT_EQ(layer.weight_gradient().empty(), affine == Affine::kFrozen);
          if (update == RunningUpdate::kOff) continue;

          layer.commit();
          const ChannelStatistics batch = statistics_of(x, 2);
          const double weight = averaging == Averaging::kCumulative ? 1 : 0.1;
          EXPECT_NEAR(layer.running_statistics().mean()[2], (1 - weight) * 2 + weight * batch.mean,
                      1e-5);
        }
      }
    }
  }
}

TEST(BatchNormSwitches, ASwitchThatIsNotGivenStaysAsItWas) {
  const BatchNormSwitches as_it_was = {.statistics = Statistics::kRunning,
                                       .running_update = RunningUpdate::kOff,
                                       .affine = Affine::kFrozen,
                                       .averaging = Averaging::kCumulative};
  BatchNorm layer({.channels = kChannels});
  layer.set_switches(as_it_was);
  layer.set_switches({});
  EXPECT_EQ(layer.switches(), as_it_was);
  const auto after = [&](const BatchNormSwitches& switches) {
    layer.set_switches(as_it_was);
    layer.set_switches(switches);
    return layer.switches();
  };
  BatchNormSwitches expected = as_it_was;
  expected.statistics = Statistics::kBlend;
  EXPECT_EQ(after({.statistics = Statistics::kBlend}), expected);
  expected = as_it_was;
  expected.running_update = RunningUpdate::kStage;
  EXPECT_EQ(after({.running_update = RunningUpdate::kStage}), expected);
  expected = as_it_was;
  expected.affine = Affine::kTrained;
  EXPECT_EQ(after({.affine = Affine::kTrained}), expected);
  expected = as_it_was;
  expected.averaging = Averaging::kWindowed;
  EXPECT_EQ(after({.averaging = Averaging::kWindowed}), expected);
}

TEST(BatchNormSwitches, EachChoiceOfStatisticsNormalizesWithThem) {
  const Tensor x = random_tensor(1);
  const std::int64_t c = 1;
  const ChannelStatistics batch = statistics_of(x, c);
  const auto first_of_channel = [&](Statistics statistics) {
    BatchNorm layer = trained_layer({.epsilon = 1e-3, .pseudo_count = 3});
    layer.set_switches({.statistics = statistics});
    const Tensor y = forward(layer, x);
    return (static_cast<double>(y.values[5]) - static_cast<double>(layer.bias()[1])) /
           static_cast<double>(layer.weight()[1]);
  };
  const auto normalized = [&](double mean, double var) {
    return (static_cast<double>(x.values[5]) - mean) / std::sqrt(var + 1e-3);
  };
  const double biased = batch.squares / batch.n;
  EXPECT_NEAR(first_of_channel(Statistics::kBatch), normalized(batch.mean, biased), 1e-5);
  EXPECT_NEAR(first_of_channel(Statistics::kRunning), normalized(1, 5), 1e-5);
  // Six samples against a pseudo-count of three.
  EXPECT_NEAR(first_of_channel(Statistics::kBlend),
              normalized((3 * 1 + 6 * batch.mean) / 9, (3 * 5 + 6 * biased) / 9), 1e-5);
}

TEST(BatchNormSwitches, TrainAndEvalArePresetsThatLeaveAffineAndAveragingAlone) {
  BatchNorm layer({.channels = kChannels});
  layer.set_switches({.affine = Affine::kFrozen, .averaging = Averaging::kCumulative});
  layer.eval();
  EXPECT_EQ(layer.switches(), (BatchNormSwitches{.statistics = Statistics::kRunning,
                                                 .running_update = RunningUpdate::kOff,
                                                 .affine = Affine::kFrozen,
                                                 .averaging = Averaging::kCumulative}));
  layer.train();
  EXPECT_EQ(layer.switches(), (BatchNormSwitches{.statistics = Statistics::kBatch,
                                                 .running_update = RunningUpdate::kStage,
                                                 .affine = Affine::kFrozen,
                                                 .averaging = Averaging::kCumulative}));
}

TEST(BatchNormSwitches, EvaluationStagesNothingAndDoesNotDependOnTheRestOfTheBatch) {
  BatchNorm layer = trained_layer();
  layer.eval();
  Tensor x = random_tensor(1);
  const Tensor y = forward(layer, x);
  EXPECT_EQ(layer.running_statistics().staged(), 0);
  for (std::size_t i = 20; i < x.values.size(); ++i) x.values[i] = 1e6F;
  const Tensor other = forward(layer, x);
  EXPECT_TRUE(std::equal(y.values.begin(), y.values.begin() + 20, other.values.begin()));
}

TEST(BatchNormSwitches, EvaluationShowsTheMomentsOfTheBatchToWhoeverAsks) {
  BatchNorm layer = trained_layer({.name = "bn1"});
  layer.eval();
  const Tensor x = random_tensor(1);
  const Tensor y = forward(layer, x);
  EXPECT_THAT(layer.record().moments(), IsEmpty());

  std::vector<Moments> of_samples(6 * kChannels);
  EXPECT_EQ(forward(layer, x, {.sample_moments = of_samples, .collect_moments = true}).values,
            y.values);
  ASSERT_THAT(layer.record().moments(), SizeIs(kChannels));
  for (std::int64_t c = 0; c < kChannels; ++c) {
    const ChannelStatistics batch = statistics_of(x, c);
    EXPECT_NEAR(layer.record().moments()[static_cast<std::size_t>(c)].mean, batch.mean, 1e-5);
    EXPECT_NEAR(of_samples[static_cast<std::size_t>(kChannels + c)].mean,
                statistics_of(x, c, 1, 1).mean, 1e-5);
  }
  EXPECT_EQ(layer.running_statistics().staged(), 0);
  EXPECT_THAT(message_of([&] { forward(layer, x, {.sample_moments = of_samples}); }),
              StartsWith("bn1: sample_moments"));
}

TEST(BatchNormSwitches, EvaluationInPlaceEqualsEvaluationApart) {
  BatchNorm layer = trained_layer({.activation = Activation::kRelu});
  layer.eval();
  Tensor x = random_tensor(1);
  const Tensor apart = forward(layer, x);
  layer.forward(x.view(), x.view());
  EXPECT_EQ(x.values, apart.values);

  Tensor residual = random_tensor(2);
  const Tensor y = forward(layer, x, {.residual = residual.view()});
  layer.forward(x.view(), residual.view(), {.residual = residual.view()});
  EXPECT_EQ(residual.values, y.values);
}

}  // namespace
}  // namespace equipoise
