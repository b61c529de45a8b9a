#include "equipoise/running_statistics.h"

#include <cfloat>
#include <cmath>
#include <limits>
#include <ranges>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/error_message.h"

namespace equipoise {
namespace {

using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

using Batch = std::vector<double>;  // the values of one channel

double sum_of(const Batch& x) {
  double sum = 0;
  for (const double value : x) sum += value;
  return sum;
}

double mean_of(const Batch& x) { return sum_of(x) / static_cast<double>(x.size()); }

double squared_deviations_of(const Batch& x) {
  double sum = 0;
  for (const double value : x) sum += (value - mean_of(x)) * (value - mean_of(x));
  return sum;
}

Moments moments_of(const Batch& x) {
  return {
      .count = static_cast<double>(x.size()), .mean = mean_of(x), .m2 = squared_deviations_of(x)};
}

const std::vector<Batch> kBatches = {{1.5, -2.25, 3.0}, {10.0, 12.5}, {-7.0, -7.5, -8.25, 0.125},
                                     {0.1, 0.2, 0.7},   {1e3, 1.1e3}, {4, 5, 9}};

std::vector<float> values_of(std::span<const float> span) { return {span.begin(), span.end()}; }

TEST(RunningStatistics, StartWithMeanZeroAndVarianceOne) {
  const RunningStatistics running(3);
  EXPECT_THAT(running.mean(), ElementsAre(0, 0, 0));
  EXPECT_THAT(running.var(), ElementsAre(1, 1, 1));
  EXPECT_EQ(running.num_batches_tracked(), 0);
  EXPECT_EQ(running.staged(), 0);
}

// torch.nn.BatchNorm: running ← (1 − momentum)·running + momentum·new, the new variance divided by
// n − 1.
TEST(RunningStatistics, FollowPyTorchsMomentumOverSeveralSteps) {
  RunningStatistics running(1, {.momentum = 0.1});
  double mean = 0;
  double var = 1;
  for (std::size_t step = 0; step < kBatches.size(); ++step) {
    const Batch& x = kBatches[step];
    running.stage(std::vector{moments_of(x)});
    running.commit();
    mean = 0.9 * mean + 0.1 * mean_of(x);
    var = 0.9 * var + 0.1 * squared_deviations_of(x) / (static_cast<double>(x.size()) - 1);
    EXPECT_NEAR(running.mean()[0], mean, 1e-6 * std::abs(mean)) << "step " << step;
    EXPECT_NEAR(running.var()[0], var, 1e-6 * var) << "step " << step;
    EXPECT_EQ(running.num_batches_tracked(), static_cast<std::int64_t>(step) + 1);
  }
}

TEST(RunningStatistics, OfCumulativeAveragingAreTheMeanOverAllBatches) {
  RunningStatistics running(1, {.averaging = Averaging::kCumulative});
  double means = 0;
  double variances = 0;
  for (std::size_t step = 0; step < kBatches.size(); ++step) {
    const Batch& x = kBatches[step];
    running.stage(std::vector{moments_of(x)});
    running.commit();
    means += mean_of(x);
    variances += squared_deviations_of(x) / (static_cast<double>(x.size()) - 1);
    const double batches = static_cast<double>(step) + 1;
    EXPECT_NEAR(running.mean()[0], means / batches, 1e-6 * std::abs(means / batches));
    EXPECT_NEAR(running.var()[0], variances / batches, 1e-6 * variances / batches);
  }
}

TEST(RunningStatistics, OfWindowedAveragingAreCumulativeAndThenExponential) {
  RunningStatistics running(1, {.averaging = Averaging::kWindowed, .window = 2});
  const std::vector<double> weights = {1, 1.0 / 2, 1.0 / 3, 1.0 / 3, 1.0 / 3, 1.0 / 3};
  double mean = 0;
  for (std::size_t step = 0; step < kBatches.size(); ++step) {
    running.stage(std::vector{moments_of(kBatches[step])});
    running.commit();
    mean = (1 - weights[step]) * mean + weights[step] * mean_of(kBatches[step]);
    EXPECT_NEAR(running.mean()[0], mean, 1e-6 * std::abs(mean)) << "step " << step;
  }
}

TEST(RunningStatistics, AverageTheBiasedVarianceIfAsked) {
  RunningStatistics running(1, {.momentum = 0.25, .variance = VarianceEstimate::kBiased});
  running.stage(std::vector{moments_of(kBatches[0])});
  running.commit();
  EXPECT_FLOAT_EQ(running.var()[0],
                  static_cast<float>(0.75 + 0.25 * squared_deviations_of(kBatches[0]) / 3));
}

TEST(RunningStatistics, MomentumZeroKeepsAndMomentumOneReplaces) {
  RunningStatistics keeps(1, {.momentum = 0});
  keeps.stage(std::vector{moments_of(kBatches[0])});
  keeps.commit();
  EXPECT_THAT(keeps.mean(), ElementsAre(0));
  EXPECT_THAT(keeps.var(), ElementsAre(1));

  RunningStatistics replaces(1, {.momentum = 1});
  replaces.mutable_mean()[0] = std::numeric_limits<float>::infinity();
  replaces.mutable_var()[0] = std::numeric_limits<float>::quiet_NaN();
  replaces.stage(std::vector{moments_of(kBatches[0])});
  replaces.commit();
  EXPECT_FLOAT_EQ(replaces.mean()[0], 0.75F);
  EXPECT_FLOAT_EQ(replaces.var()[0], static_cast<float>(squared_deviations_of(kBatches[0]) / 2));
}

TEST(RunningStatistics, StagingChangesNothingUntilCommit) {
  RunningStatistics running(1);
  running.stage(std::vector{moments_of(kBatches[0])});
  EXPECT_EQ(running.staged(), 1);
  EXPECT_THAT(running.mean(), ElementsAre(0));
  EXPECT_THAT(running.var(), ElementsAre(1));
  EXPECT_EQ(running.num_batches_tracked(), 0);
  running.commit();
  EXPECT_EQ(running.staged(), 0);
  EXPECT_NE(running.mean()[0], 0);
}

TEST(RunningStatistics, WhatIsDiscardedLeavesNoTrace) {
  RunningStatistics plain(1);
  RunningStatistics recomputed(1);
  for (const Batch& x : kBatches) {
    plain.stage(std::vector{moments_of(x)});
    plain.commit();

    recomputed.stage(std::vector{moments_of(x)});
    recomputed.commit();
    recomputed.stage(std::vector{moments_of(x)});
    recomputed.discard();
  }
  EXPECT_THAT(recomputed.mean(), ElementsAreArray(plain.mean()));
  EXPECT_THAT(recomputed.var(), ElementsAreArray(plain.var()));
  EXPECT_EQ(recomputed.num_batches_tracked(), plain.num_batches_tracked());
}

TEST(RunningStatistics, StagedBatchesAreAppliedInOrderAsIfCommittedOneByOne) {
  for (const Averaging averaging :
       {Averaging::kMomentum, Averaging::kCumulative, Averaging::kWindowed}) {
    const UpdateRule rule{.momentum = 0.3, .averaging = averaging, .window = 2};
    RunningStatistics together(1, rule);
    RunningStatistics one_by_one(1, rule);
    RunningStatistics reversed(1, rule);
    for (const Batch& x : kBatches) {
      together.stage(std::vector{moments_of(x)});
      one_by_one.stage(std::vector{moments_of(x)});
      one_by_one.commit();
    }
    for (const Batch& x : kBatches | std::views::reverse) {
      reversed.stage(std::vector{moments_of(x)});
    }
    together.commit();
    reversed.commit();
    EXPECT_EQ(together.mean()[0], one_by_one.mean()[0]);
    EXPECT_EQ(together.var()[0], one_by_one.var()[0]);
    EXPECT_EQ(together.num_batches_tracked(), 6);
    if (averaging != Averaging::kCumulative) {
      EXPECT_NE(together.mean()[0], reversed.mean()[0]);
    }
  }
}

TEST(RunningStatistics, GhostBatchesInOneStageEqualSeparateStages) {
  const std::vector<Moments> first = {moments_of(kBatches[0]), moments_of(kBatches[1])};
  const std::vector<Moments> second = {moments_of(kBatches[2]), moments_of(kBatches[3])};
  std::vector<Moments> both = first;
  both.insert(both.end(), second.begin(), second.end());

  RunningStatistics ghost(2);
  ghost.stage(both);
  EXPECT_EQ(ghost.staged(), 2);
  ghost.commit();
  RunningStatistics separate(2);
  separate.stage(first);
  separate.stage(second);
  separate.commit();
  EXPECT_THAT(ghost.mean(), ElementsAreArray(separate.mean()));
  EXPECT_THAT(ghost.var(), ElementsAreArray(separate.var()));
  EXPECT_EQ(ghost.num_batches_tracked(), 2);
  EXPECT_NE(ghost.mean()[0], ghost.mean()[1]);
}

TEST(RunningStatistics, CommitWithoutStageIsAnError) {
  RunningStatistics running(1, {}, "layer1.0.bn1");
  EXPECT_THAT(message_of([&] { running.commit(); }), HasSubstr("layer1.0.bn1: commit without"));
  running.stage(std::vector{moments_of(kBatches[0])});
  running.commit();
  EXPECT_THAT(message_of([&] { running.commit(); }), HasSubstr("commit without"));
  EXPECT_EQ(running.num_batches_tracked(), 1);
}

TEST(RunningStatistics, StageNeedsAMultipleOfTheChannels) {
  RunningStatistics running(2, {}, "bn");
  const std::vector<Moments> three(3, moments_of(kBatches[0]));
  EXPECT_THAT(message_of([&] { running.stage(three); }), HasSubstr("bn: 3 moments"));
  EXPECT_THAT(message_of([&] { running.stage({}); }), HasSubstr("bn: 0 moments"));
  EXPECT_EQ(running.staged(), 0);
}

struct Refused {
  const char* description;
  Moments entry;
  VarianceEstimate estimate;
  const char* message;
};

class RefusedStatistics : public ::testing::TestWithParam<Refused> {};

TEST_P(RefusedStatistics, AreNamedAndChangeNothing) {
  const Refused& refused = GetParam();
  RunningStatistics running(2, {.variance = refused.estimate}, "stem.bn");
  const std::vector<Moments> good = {moments_of(kBatches[0]), moments_of(kBatches[1])};
  running.stage(good);
  running.commit();
  const std::vector<float> mean = values_of(running.mean());
  const std::vector<float> var = values_of(running.var());

  running.stage(good);
  EXPECT_EQ(running.refusal(), std::nullopt);
  running.stage(std::vector{good[0], refused.entry});
  ASSERT_NE(running.refusal(), std::nullopt);
  EXPECT_THAT(*running.refusal(), HasSubstr("stem.bn"));
  EXPECT_THAT(*running.refusal(), HasSubstr("batch 2 of 2"));
  EXPECT_THAT(*running.refusal(), HasSubstr("channel 1"));
  EXPECT_THAT(*running.refusal(), HasSubstr(refused.message));
  EXPECT_THAT(message_of([&] { running.commit(); }), StartsWith(*running.refusal()));

  EXPECT_THAT(running.mean(), ElementsAreArray(mean));
  EXPECT_THAT(running.var(), ElementsAreArray(var));
  EXPECT_EQ(running.num_batches_tracked(), 1);
  EXPECT_EQ(running.staged(), 2);

  running.discard();
  EXPECT_EQ(running.refusal(), std::nullopt);
  running.stage(good);
  running.commit();
  EXPECT_EQ(running.num_batches_tracked(), 2);
}

constexpr VarianceEstimate kUnbiased = VarianceEstimate::kUnbiased;
constexpr VarianceEstimate kBiased = VarianceEstimate::kBiased;
INSTANTIATE_TEST_SUITE_P(
    All, RefusedStatistics,
    ::testing::Values(Refused{"NanMean", {4, kNan, 1}, kUnbiased, "a mean of nan"},
                      Refused{"InfiniteMean", {4, -kInfinity, 1}, kUnbiased, "a mean of -inf"},
                      Refused{"NanVariance", {4, 0, kNan}, kUnbiased, "a variance of nan"},
                      Refused{"InfiniteVariance", {4, 0, kInfinity}, kBiased, "a variance of inf"},
                      Refused{"NanCount", {kNan, 0, 1}, kUnbiased, "a total weight of nan"},
                      Refused{"MeanBeyondF32", {4, 1e39, 1}, kUnbiased, "a mean of 1e+39"},
                      Refused{"VarianceBeyondF32", {2, 0, 9e76}, kUnbiased, "a variance of 9e+76"},
                      Refused{"OneValueUnbiased", {1, 3, 0}, kUnbiased, "weights that sum to 1"},
                      Refused{
                          "HalfAValueUnbiased", {0.5, 3, 0}, kUnbiased, "weights that sum to 0.5"},
                      Refused{"NoValueBiased", {0, 0, 0}, kBiased, "weights that sum to 0"}),
    [](const auto& test) { return std::string(test.param.description); });

TEST(RunningStatistics, OneValueIsEnoughForTheBiasedVariance) {
  RunningStatistics running(1, {.momentum = 0.5, .variance = VarianceEstimate::kBiased});
  running.stage(std::vector{Moments{.count = 1, .mean = 3, .m2 = 0}});
  running.commit();
  EXPECT_THAT(running.mean(), ElementsAre(1.5));
  EXPECT_THAT(running.var(), ElementsAre(0.5));
}

TEST(RunningStatistics, TheLargestFiniteValuesAreAccepted) {
  RunningStatistics running(1, {.momentum = 1});
  running.stage(
      std::vector{Moments{.count = 2, .mean = -static_cast<double>(FLT_MAX), .m2 = FLT_MAX}});
  running.commit();
  EXPECT_THAT(running.mean(), ElementsAre(-FLT_MAX));
  EXPECT_THAT(running.var(), ElementsAre(FLT_MAX));
}

TEST(RunningStatistics, ANegativeBatchCountFromACheckpointIsRefused) {
  RunningStatistics running(1, {.averaging = Averaging::kCumulative});
  running.mutable_num_batches_tracked()[0] = -1;
  running.stage(std::vector{moments_of(kBatches[0])});
  EXPECT_THAT(message_of([&] { running.commit(); }), HasSubstr("num_batches_tracked is -1"));
}

TEST(RunningStatistics, TheLargestBatchCountStaysWhatItIs) {
  constexpr std::int64_t kLargest = std::numeric_limits<std::int64_t>::max();
  RunningStatistics running(1);
  running.mutable_num_batches_tracked()[0] = kLargest;
  running.stage(std::vector{moments_of(kBatches[0])});
  running.commit();
  EXPECT_EQ(running.num_batches_tracked(), kLargest);
}

TEST(RunningStatistics, ANewRuleHoldsForWhatIsCommittedFromThenOn) {
  RunningStatistics running(1, {.momentum = 0.1});
  running.stage(std::vector{moments_of(kBatches[0])});
  running.set_rule({.momentum = 0.5});
  running.commit();
  EXPECT_FLOAT_EQ(running.mean()[0], 0.375F);
}

TEST(RunningStatistics, ResetForgetsEverything) {
  RunningStatistics running(1);
  running.stage(std::vector{moments_of(kBatches[0])});
  running.commit();
  running.stage(std::vector{moments_of(kBatches[1])});
  running.reset();
  EXPECT_THAT(running.mean(), ElementsAre(0));
  EXPECT_THAT(running.var(), ElementsAre(1));
  EXPECT_EQ(running.num_batches_tracked(), 0);
  EXPECT_EQ(running.staged(), 0);
}

TEST(RunningStatistics, ImpossibleRulesAreErrors) {
  const auto made = [](std::int64_t channels, UpdateRule rule) {
    return message_of([&] { RunningStatistics(channels, rule, "bn7"); });
  };
  EXPECT_THAT(made(0, {}), HasSubstr("bn7: 0 channels"));
  EXPECT_THAT(made(1, {.momentum = -0.1}), HasSubstr("bn7: momentum -0.1 is outside [0, 1]"));
  EXPECT_THAT(made(1, {.momentum = 1.01}), HasSubstr("bn7: momentum 1.01 is outside [0, 1]"));
  EXPECT_THAT(made(1, {.momentum = kNan}), HasSubstr("bn7: momentum nan is outside [0, 1]"));
  EXPECT_THAT(made(1, {.window = 0}), HasSubstr("bn7: an averaging window of 0"));
  EXPECT_EQ(made(1, {}), "no error");

  RunningStatistics running(1);
  EXPECT_THROW(running.set_rule({.momentum = 2}), Error);
  EXPECT_EQ(running.rule(), UpdateRule{});
}

TEST(RunningStatistics, DiscardBehindKeepsWhatWasStagedBefore) {
  RunningStatistics running(1, {.momentum = 1});
  running.stage(std::vector{moments_of(kBatches[0])});
  running.stage(std::vector{moments_of(kBatches[1]), moments_of(kBatches[2])});
  running.discard_behind(5);
  EXPECT_EQ(running.staged(), 3);
  running.discard_behind(1);
  EXPECT_EQ(running.staged(), 1);
  running.commit();
  EXPECT_FLOAT_EQ(running.mean()[0], static_cast<float>(mean_of(kBatches[0])));
  EXPECT_EQ(running.num_batches_tracked(), 1);
}

}  // namespace
}  // namespace equipoise
