#include <limits>

#include "norm/error_fixture.h"
#include "norm/simulated_ranks.h"

namespace equipoise::testing {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();

class BatchNorm : public ErrorTest {
 protected:
  /// The first samples and positions of the tensors.
  void shrink(const Shape& shape) {
    forward_.x.shape = shape;
    forward_.y.shape = shape;
    forward_.residual.shape = shape;
  }

  const std::vector<float> mean_ = std::vector<float>(kChannels, 0.5F);
  const std::vector<float> var_ = std::vector<float>(kChannels, 2.0F);
};

TEST_F(BatchNorm, OneValuePerChannelIsAnError) {
  for (const Shape& shape : {Shape{1, 6}, Shape{1, 6, 1}, Shape{1, 6, 1, 1, 1}}) {
    shrink(shape);
    expect_batch_error({}, {"value per channel", "running"});
  }
}

TEST_F(BatchNorm, OneValuePerChannelIsFineWithRunningStatistics) {
  shrink({1, 6});
  EXPECT_NO_THROW(batch_norm(
      forward_, {.statistics = Statistics::kRunning, .running_mean = mean_, .running_var = var_},
      nullptr));
  EXPECT_NO_THROW(batch_norm(
      forward_, {.statistics = Statistics::kBlend, .running_mean = mean_, .running_var = var_},
      &record_));
}

TEST_F(BatchNorm, OneValuePerChannelOfAGhostBatchIsAnError) {
  shrink({3, 6});
  expect_batch_error({.ghost_batch_size = 2}, {"ghost"});
  expect_batch_error({.ghost_batch_size = 1}, {"1 value per channel in a ghost batch"});
}

TEST_F(BatchNorm, NoWeightAtAllIsAnError) {
  const std::vector<float> weights(12, 0.0F);
  forward_.position_weights = weights;
  expect_batch_error({}, {"0 values per channel"});
}

TEST_F(BatchNorm, NoWeightInAGhostBatchIsAnError) {
  std::vector<float> weights(12, 1.0F);
  std::fill_n(weights.begin() + 8, 4, 0.0F);
  forward_.position_weights = weights;
  expect_batch_error({.ghost_batch_size = 2}, {"0 values per channel", "ghost"});
}

TEST_F(BatchNorm, RunningStatisticsAreNeededWhereTheyAreUsed) {
  for (const Statistics statistics : {Statistics::kRunning, Statistics::kBlend}) {
    expect_batch_error({.statistics = statistics}, {"running"});
    expect_batch_error({.statistics = statistics, .running_mean = mean_}, {"running_var"});
    expect_batch_error({.statistics = statistics, .running_var = var_}, {"running_mean"});
  }
  expect_batch_error({.renorm = Renorm{}}, {"running"});
}

TEST_F(BatchNorm, RunningStatisticsAreOnePerChannel) {
  const std::vector<float> five(5, 1.0F);
  expect_batch_error(
      {.statistics = Statistics::kRunning, .running_mean = five, .running_var = var_},
      {"running_mean", "5", "6"});
  expect_batch_error(
      {.statistics = Statistics::kRunning, .running_mean = mean_, .running_var = five},
      {"running_var", "5", "6"});
}

TEST_F(BatchNorm, PseudoCountIsPositive) {
  for (const double count : {0.0, -1.0, kNan}) {
    expect_batch_error({.statistics = Statistics::kBlend,
                        .running_mean = mean_,
                        .running_var = var_,
                        .pseudo_count = count},
                       {"pseudo"});
  }
}

TEST_F(BatchNorm, GhostBatchSizeIsNotNegative) {
  expect_batch_error({.ghost_batch_size = -1}, {"ghost"});
}

TEST_F(BatchNorm, GhostBatchesDoNotGoWithACommunicator) {
  SimulatedRanks(1).run([&](int, Communicator& communicator) {
    expect_batch_error({.ghost_batch_size = 2, .communicator = &communicator},
                       {"ghost", "communicator"});
  });
}

TEST_F(BatchNorm, RenormLimitsAreSensible) {
  for (const double r_max : {0.99, 0.0, -3.0, kNan}) {
    expect_batch_error(
        {.running_mean = mean_, .running_var = var_, .renorm = Renorm{.r_max = r_max}}, {"r_max"});
  }
  for (const double d_max : {-0.01, kNan}) {
    expect_batch_error(
        {.running_mean = mean_, .running_var = var_, .renorm = Renorm{.d_max = d_max}}, {"d_max"});
  }
}

TEST_F(BatchNorm, RenormGoesWithBatchStatisticsOnly) {
  for (const Statistics statistics : {Statistics::kRunning, Statistics::kBlend}) {
    expect_batch_error(
        {.statistics = statistics, .running_mean = mean_, .running_var = var_, .renorm = Renorm{}},
        {"renorm"});
  }
}

TEST_F(BatchNorm, RunningStatisticsHaveNoSampleMomentsUnlessCollected) {
  std::vector<Moments> moments(18);
  forward_.sample_moments = moments;
  expect_batch_error(
      {.statistics = Statistics::kRunning, .running_mean = mean_, .running_var = var_},
      {"sample_moments", "give none", "collect_moments", "running_update"});
}

TEST_F(BatchNorm, StatisticsHaveAKnownValue) {
  expect_batch_error({.statistics = static_cast<Statistics>(9)}, {"statistics"});
}

}  // namespace
}  // namespace equipoise::testing
