#include <cmath>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/layers.h"
#include "norm/layer_testing.h"

namespace equipoise {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::StartsWith;

TEST(BatchNormLayer, ThroughSeveralStepsTheRunningStatisticsAreTheTextbooks) {
  BatchNorm layer({.channels = kChannels, .epsilon = 1e-3, .momentum = 0.3});
  randomize(layer);
  std::vector<double> mean(kChannels, 0);
  std::vector<double> var(kChannels, 1);
  for (unsigned step = 0; step < 5; ++step) {
    const Tensor x = random_tensor(10 + step);
    forward(layer, x);
    layer.commit();
    for (std::size_t c = 0; c < kChannels; ++c) {
      const ChannelStatistics batch = statistics_of(x, static_cast<std::int64_t>(c));
      mean[c] = 0.7 * mean[c] + 0.3 * batch.mean;
      var[c] = 0.7 * var[c] + 0.3 * batch.squares / (batch.n - 1);
      EXPECT_NEAR(layer.running_statistics().mean()[c], mean[c], 1e-6 * std::abs(mean[c]));
      EXPECT_NEAR(layer.running_statistics().var()[c], var[c], 1e-6 * var[c]);
    }
  }
  EXPECT_EQ(layer.running_statistics().num_batches_tracked(), 5);

  layer.eval();
  const Tensor x = random_tensor(99);
  const Tensor y = forward(layer, x);
  for (std::size_t i = 0; i < x.values.size(); ++i) {
    const std::size_t c = i / 5 % kChannels;
    const double normalized =
        (static_cast<double>(x.values[i]) - mean[c]) / std::sqrt(var[c] + 1e-3);
    EXPECT_NEAR(
        y.values[i],
        static_cast<double>(layer.weight()[c]) * normalized + static_cast<double>(layer.bias()[c]),
        1e-5);
  }
}

TEST(BatchNormLayer, ForwardStagesAndOnlyCommitChangesRunningStatistics) {
  BatchNorm layer({.channels = kChannels});
  const RunningStatistics& running = layer.running_statistics();
  const Tensor x = random_tensor(1);
  forward(layer, x);
  forward(layer, x);
  EXPECT_EQ(running.staged(), 2);
  EXPECT_THAT(running.mean(), Each(0));
  EXPECT_THAT(running.var(), Each(1));
  layer.discard();
  EXPECT_EQ(running.staged(), 0);
  EXPECT_THAT(running.mean(), Each(0));
  EXPECT_EQ(running.num_batches_tracked(), 0);
  EXPECT_THROW(layer.commit(), Error);
}

TEST(BatchNormLayer, ABatchWithANanIsRefusedByNameAndTrainingGoesOn) {
  BatchNorm poisoned({.channels = kChannels, .name = "layer3.1.bn2"});
  BatchNorm plain({.channels = kChannels});
  for (unsigned step = 0; step < 3; ++step) {
    const Tensor x = random_tensor(step);
    forward(poisoned, x);
    poisoned.commit();
    forward(plain, x);
    plain.commit();

    Tensor bad = random_tensor(step + 50);
    bad.values[7] = step == 0 ? std::numeric_limits<float>::quiet_NaN()
                              : std::numeric_limits<float>::infinity();
    forward(poisoned, bad);
    EXPECT_THAT(message_of([&] { poisoned.commit(); }), HasSubstr("layer3.1.bn2"));
    EXPECT_THAT(message_of([&] { poisoned.commit(); }), HasSubstr("channel 1"));
    poisoned.discard();
  }
  EXPECT_THAT(poisoned.running_statistics().mean(),
              ElementsAreArray(plain.running_statistics().mean()));
  EXPECT_THAT(poisoned.running_statistics().var(),
              ElementsAreArray(plain.running_statistics().var()));
  EXPECT_EQ(poisoned.running_statistics().num_batches_tracked(), 3);
}

TEST(BatchNormLayer, GhostBatchesAreStagedInOrder) {
  BatchNorm ghost({.channels = kChannels, .momentum = 0.4, .ghost_batch_size = 4});
  const Tensor x = random_tensor(1);
  forward(ghost, x);
  EXPECT_EQ(ghost.running_statistics().staged(), 2);
  ghost.commit();
  EXPECT_EQ(ghost.running_statistics().num_batches_tracked(), 2);
  for (std::int64_t c = 0; c < kChannels; ++c) {
    double mean = 0;
    double var = 1;
    for (const auto& [first, samples] : {std::pair<std::int64_t, std::int64_t>{0, 4}, {4, 2}}) {
      const ChannelStatistics batch = statistics_of(x, c, first, samples);
      mean = 0.6 * mean + 0.4 * batch.mean;
      var = 0.6 * var + 0.4 * batch.squares / (batch.n - 1);
    }
    EXPECT_NEAR(ghost.running_statistics().mean()[static_cast<std::size_t>(c)], mean, 1e-5);
    EXPECT_NEAR(ghost.running_statistics().var()[static_cast<std::size_t>(c)], var, 1e-5);
  }
}

// Two ranks of which the other always has the same batch as this one.
class TwinCommunicator : public Communicator {
 public:
  int rank() const override { return 0; }
  int size() const override { return 2; }
  void all_gather(std::span<const double> local, std::span<double> all) override {
    std::ranges::copy(local, all.begin());
    std::ranges::copy(local, all.begin() + static_cast<std::ptrdiff_t>(local.size()));
    ++calls;
  }

  int calls = 0;
};

TEST(BatchNormLayer, WithACommunicatorTheStatisticsOfAllRanksAreStaged) {
  TwinCommunicator twins;
  BatchNorm layer({.channels = kChannels, .momentum = 1, .communicator = &twins});
  const Tensor x = random_tensor(1);
  const Tensor y = forward(layer, x);
  EXPECT_GT(twins.calls, 0);
  layer.commit();
  BatchNorm alone({.channels = kChannels});
  EXPECT_EQ(y.values.size(), forward(alone, x).values.size());
  for (std::size_t c = 0; c < kChannels; ++c) {
    const ChannelStatistics batch = statistics_of(x, static_cast<std::int64_t>(c));
    EXPECT_NEAR(layer.running_statistics().mean()[c], batch.mean, 1e-5);
    EXPECT_NEAR(layer.running_statistics().var()[c], 2 * batch.squares / (2 * batch.n - 1),
                1e-6 * batch.squares);
  }

  const int before = twins.calls;
  layer.eval();
  forward(layer, x);
  EXPECT_EQ(twins.calls, before) << "evaluation has nothing to agree on";
}

TEST(BatchNormLayer, RenormAppliesInTrainingAlone) {
  const Tensor x = random_tensor(1);
  BatchNorm renorm = trained_layer({.renorm = Renorm{.r_max = 2, .d_max = 1}});
  BatchNorm plain = trained_layer();
  EXPECT_NE(forward(renorm, x).values, forward(plain, x).values);
  renorm.eval();
  plain.eval();
  EXPECT_EQ(forward(renorm, x).values, forward(plain, x).values);
}

TEST(BatchNormLayer, RenormFollowsASchedule) {
  const Tensor x = random_tensor(1);
  BatchNorm layer = trained_layer();
  BatchNorm plain = trained_layer();
  layer.set_renorm(Renorm{.r_max = 1, .d_max = 0});
  EXPECT_EQ(forward(layer, x).values, forward(plain, x).values);
  layer.set_renorm(Renorm{.r_max = 2, .d_max = 1});
  BatchNorm renorm = trained_layer({.renorm = Renorm{.r_max = 2, .d_max = 1}});
  EXPECT_EQ(forward(layer, x).values, forward(renorm, x).values);
  EXPECT_THAT(message_of([&] { layer.set_renorm(Renorm{.r_max = 0.5}); }), HasSubstr("r_max 0.5"));
  EXPECT_EQ(layer.renorm()->r_max, 2);
  layer.set_renorm(std::nullopt);
  EXPECT_EQ(forward(layer, x).values, forward(plain, x).values);
}

TEST(BatchNormLayer, PaddingDoesNotCount) {
  BatchNorm padded({.channels = kChannels, .momentum = 1});
  BatchNorm dense({.channels = kChannels, .momentum = 1});
  const Tensor x = random_tensor(1, {2, kChannels, 6});
  Tensor longer({2, kChannels, 9}, std::numeric_limits<float>::quiet_NaN());
  std::vector<float> weights(18, 0.0F);
  for (std::size_t n = 0; n < 2; ++n) {
    std::fill_n(weights.begin() + static_cast<std::ptrdiff_t>(n * 9), 6, 1.0F);
    for (std::size_t c = 0; c < kChannels; ++c) {
      std::copy_n(x.values.begin() + static_cast<std::ptrdiff_t>((n * kChannels + c) * 6), 6,
                  longer.values.begin() + static_cast<std::ptrdiff_t>((n * kChannels + c) * 9));
    }
  }
  forward(padded, longer, {.position_weights = weights});
  forward(dense, x);
  padded.commit();
  dense.commit();
  for (std::size_t c = 0; c < kChannels; ++c) {
    EXPECT_NEAR(padded.running_statistics().mean()[c], dense.running_statistics().mean()[c], 1e-5);
    EXPECT_NEAR(padded.running_statistics().var()[c], dense.running_statistics().var()[c], 1e-4);
  }
}

TEST(BatchNormLayer, WeightsThatSumToOneAreRefusedWhileTheUnbiasedVarianceIsAveraged) {
  const Tensor x = random_tensor(1);
  std::vector<float> weights(30, 0.0F);
  weights[0] = weights[1] = 0.5F;
  BatchNorm layer({.channels = kChannels, .name = "bn5"});
  forward(layer, x, {.position_weights = weights});
  EXPECT_THAT(message_of([&] { layer.commit(); }), HasSubstr("bn5"));
  EXPECT_THAT(message_of([&] { layer.commit(); }), HasSubstr("weights that sum to 1"));

  BatchNorm biased({.channels = kChannels, .variance = VarianceEstimate::kBiased});
  forward(biased, x, {.position_weights = weights});
  biased.commit();
  EXPECT_EQ(biased.running_statistics().num_batches_tracked(), 1);
}

TEST(BatchNormLayer, OneValuePerChannelInTrainingIsAnErrorThatStagesNothing) {
  BatchNorm layer({.channels = kChannels, .name = "head.bn"});
  const Tensor x = random_tensor(1, {1, kChannels});
  EXPECT_THAT(message_of([&] { forward(layer, x); }), StartsWith("head.bn: 1 value per channel"));
  EXPECT_EQ(layer.running_statistics().staged(), 0);
  layer.eval();
  EXPECT_EQ(message_of([&] { forward(layer, x); }), "no error");
}

TEST(BatchNormLayer, LayersAreCommittedTogetherOrNotAtAll) {
  BatchNorm first({.channels = kChannels});
  BatchNorm second({.channels = kChannels, .name = "second"});
  Tensor x = random_tensor(1);
  forward(first, x);
  x.values[0] = std::numeric_limits<float>::quiet_NaN();
  forward(second, x);
  const std::vector<RunningStatistics*> both = {&first.running_statistics(),
                                                &second.running_statistics()};
  EXPECT_THAT(message_of([&] { commit_together(both); }), HasSubstr("second"));
  EXPECT_THAT(first.running_statistics().mean(), Each(0));
}

TEST(BatchNormLayer, ImpossibleConfigurationsAreErrors) {
  const auto made = [](BatchNormConfig config) {
    config.name = "bn1";
    return message_of([&] { BatchNorm{config}; });
  };
  constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
  TwinCommunicator twins;
  EXPECT_EQ(made({.channels = 1}), "no error");
  EXPECT_THAT(made({.channels = 0}), HasSubstr("bn1: 0 channels"));
  EXPECT_THAT(made({.channels = 1, .epsilon = 0}), HasSubstr("bn1: epsilon 0"));
  EXPECT_THAT(made({.channels = 1, .epsilon = -1e-5}), HasSubstr("bn1: epsilon -1e-05"));
  EXPECT_THAT(made({.channels = 1, .epsilon = kNan}), HasSubstr("bn1: epsilon nan"));
  EXPECT_THAT(made({.channels = 1, .momentum = 1.5}), HasSubstr("bn1: momentum 1.5"));
  EXPECT_THAT(made({.channels = 1, .pseudo_count = 0}), HasSubstr("bn1: pseudo_count 0"));
  EXPECT_THAT(made({.channels = 1, .ghost_batch_size = -2}), HasSubstr("bn1: ghost_batch_size -2"));
  EXPECT_THAT(made({.channels = 1, .ghost_batch_size = 2, .communicator = &twins}),
              HasSubstr("bn1: ghost batches"));
  EXPECT_THAT(made({.channels = 1, .renorm = Renorm{.r_max = 0.5}}), HasSubstr("r_max 0.5"));
  EXPECT_THAT(made({.channels = 1, .renorm = Renorm{.d_max = -1}}), HasSubstr("d_max -1"));
  EXPECT_THAT(made({.channels = 1, .renorm = Renorm{.d_max = HUGE_VAL}}), HasSubstr("d_max inf"));
}

TEST(BatchNormLayer, AnotherNumberOfChannelsIsAnError) {
  BatchNorm layer({.channels = kChannels, .name = "bn1"});
  const Tensor x = random_tensor(1, {6, kChannels + 1, 5});
  EXPECT_THAT(message_of([&] { forward(layer, x); }), HasSubstr("bn1: x has shape (6, 5, 5)"));
}

}  // namespace
}  // namespace equipoise
