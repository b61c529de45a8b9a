#include "equipoise/recalibrate.h"

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"
#include "train/networks.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

const std::vector<std::int64_t> kSizes = {16, 3, 9};
constexpr std::size_t kFeatures = static_cast<std::size_t>(Batches::kFeatures);

/// Rows of one feature each.
using Columns = std::vector<std::vector<double>>;

struct MeanAndVariance {
  double mean = 0;
  double biased = 0;
  double unbiased = 0;
};

MeanAndVariance moments_of(const std::vector<double>& values) {
  const auto count = static_cast<double>(values.size());
  MeanAndVariance result;
  for (const double value : values) result.mean += value / count;
  for (const double value : values) result.biased += std::pow(value - result.mean, 2) / count;
  result.unbiased = result.biased * count / (count - 1);
  return result;
}

/// Feature f of each batch of an epoch.
std::vector<Columns> all_batches(Batches& source, std::int64_t epoch = 0) {
  std::vector<Columns> batches;
  source.start(epoch, 0);
  for (auto batch = source.next(); !batch.empty(); batch = source.next()) {
    const auto* values = static_cast<const float*>(batch[0].value.data);
    Columns& columns = batches.emplace_back(kFeatures);
    for (std::int64_t n = 0; n < batch[0].value.shape[0]; ++n) {
      for (std::size_t f = 0; f < kFeatures; ++f) {
        columns[f].push_back(static_cast<double>(*values++));
      }
    }
  }
  return batches;
}

/// "bn0", "bn1", …, each with an activation behind it, and a loss.
Graph chain_of_norms(int count, const ops::BatchNormNode& options = {}) {
  Graph graph("norms");
  TensorId y = graph.add_input("x", {GraphShape::kBatch, Batches::kFeatures});
  const Initialization one{.value = 1};
  for (int i = 0; i < count; ++i) {
    const std::string name = "bn" + std::to_string(i);
    y = ops::batch_norm(
        graph, name,
        {.x = y,
         .weight = graph.add_parameter(name + ".weight", {Batches::kFeatures}, one),
         .running_mean = graph.add_buffer(name + ".running_mean", {Batches::kFeatures}),
         .running_var = graph.add_buffer(name + ".running_var", {Batches::kFeatures}, one)},
        options);
    y = ops::activate(graph, name + ".relu", y, ops::Function::kRelu);
  }
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  graph.add_output(y);
  graph.add_output(ops::cross_entropy(graph, "loss", y, labels));
  return graph;
}

std::vector<double> joined(const std::vector<Columns>& batches, std::size_t feature) {
  std::vector<double> all;
  for (const Columns& batch : batches) {
    all.insert(all.end(), batch[feature].begin(), batch[feature].end());
  }
  return all;
}

void expect_statistics(Session& session, const std::string& norm,
                       const std::vector<Columns>& inputs, VarianceEstimate estimate) {
  for (std::size_t f = 0; f < kFeatures; ++f) {
    const MeanAndVariance expected = moments_of(joined(inputs, f));
    const State& state = session.state();
    EXPECT_NEAR(state.values(norm + ".running_mean")[f], expected.mean, 1e-5);
    EXPECT_NEAR(state.values(norm + ".running_var")[f],
                estimate == VarianceEstimate::kUnbiased ? expected.unbiased : expected.biased,
                1e-5);
  }
}

TEST(Recalibrate, IsTheMomentsOfAllDataTogether) {
  for (const VarianceEstimate estimate : {VarianceEstimate::kUnbiased, VarianceEstimate::kBiased}) {
    Session session(chain_of_norms(1, {.rule = {.variance = estimate}}));
    Batches source(kSizes);
    auto* running = session.state().running_statistics("bn0.running_mean");
    running->mutable_num_batches_tracked()[0] = 17;
    const UpdateRule rule = running->rule();
    const Recalibration done = recalibrate(session, source);
    EXPECT_EQ(done.samples, 28);
    EXPECT_EQ(done.batches, 3);
    expect_statistics(session, "bn0", all_batches(source), estimate);
    EXPECT_EQ(running->num_batches_tracked(), 17);
    EXPECT_EQ(running->rule(), rule);
    EXPECT_EQ(running->staged(), 0);
  }
}

TEST(Recalibrate, OfDeeperLayersIsOfInputsNormalizedByTheirOwnBatch) {
  Session session(chain_of_norms(3));
  Batches source(kSizes);
  recalibrate(session, source);
  std::vector<Columns> inputs = all_batches(source);
  for (const char* norm : {"bn0", "bn1", "bn2"}) {
    expect_statistics(session, norm, inputs, VarianceEstimate::kUnbiased);
    for (Columns& batch : inputs) {
      for (std::vector<double>& column : batch) {
        const MeanAndVariance own = moments_of(column);
        for (double& x : column) {
          x = std::max(0.0, (x - own.mean) / std::sqrt(own.biased + 1e-5));
        }
      }
    }
  }
}

TEST(Recalibrate, StopsBehindSoManySamplesOfAnEpoch) {
  Session session(chain_of_norms(1));
  Batches source(kSizes);
  const Recalibration done = recalibrate(session, source, {.samples = 17, .epoch = 3});
  EXPECT_EQ(done.samples, 19);
  std::vector<Columns> batches = all_batches(source, 3);
  batches.pop_back();
  expect_statistics(session, "bn0", batches, VarianceEstimate::kUnbiased);
}

TEST(Recalibrate, OfAnotherStateLeavesTheSessionsAlone) {
  Session session(two_class_network());
  State other(session.graph(), 9);
  const std::vector<float> before = all_values(session);
  Batches source(kSizes);
  recalibrate(session, source, {.state = &other});
  EXPECT_EQ(all_values(session), before);
  EXPECT_NE(other.running_statistics("bn.running_mean")->mean()[0], 0);
  // Of that state's parameters: as in a session of its own.
  Session like_other(two_class_network(), {.seed = 9});
  recalibrate(like_other, source);
  EXPECT_EQ(other.running_statistics("bn.running_mean")->mean()[0],
            like_other.state().running_statistics("bn.running_mean")->mean()[0]);
}

TEST(Recalibrate, OfAStateOfAnotherGraphIsAnError) {
  Session session(two_class_network());
  State other(chain_of_norms(1), 9);
  Batches source(kSizes);
  EXPECT_THAT(error_of([&] { recalibrate(session, source, {.state = &other}); }),
              HasSubstr("no running statistics 'bn.running_mean'"));
}

TEST(Recalibrate, CountsAllInputsOfSharedStatistics) {
  Graph graph("shared");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, Batches::kFeatures});
  const TensorId mean = graph.add_buffer("bn.running_mean", {Batches::kFeatures});
  const TensorId var = graph.add_buffer("bn.running_var", {Batches::kFeatures}, {.value = 1});
  const TensorId doubled = ops::add(graph, "doubled", x, x);
  graph.add_output(ops::batch_norm(graph, "a", {.x = x, .running_mean = mean, .running_var = var}));
  graph.add_output(
      ops::batch_norm(graph, "b", {.x = doubled, .running_mean = mean, .running_var = var}));
  Session session(graph);
  Batches source(kSizes);
  recalibrate(session, source);
  std::vector<Columns> inputs = all_batches(source);
  const std::size_t batches = inputs.size();
  for (std::size_t b = 0; b < batches; ++b) {
    Columns twice = inputs[b];
    for (std::vector<double>& column : twice) {
      for (double& value : column) value *= 2;
    }
    inputs.push_back(std::move(twice));
  }
  expect_statistics(session, "bn", inputs, VarianceEstimate::kUnbiased);
}

TEST(Recalibrate, IsAllOrNothing) {
  Session session(chain_of_norms(2));
  const std::vector<float> before = all_values(session);
  Batches source(kSizes);
  source.spoil(0);
  EXPECT_THAT(error_of([&] { recalibrate(session, source); }), HasSubstr("bn0"));
  EXPECT_EQ(all_values(session), before);
  for (const char* name : {"bn0.running_mean", "bn1.running_mean"}) {
    EXPECT_EQ(session.state().running_statistics(name)->staged(), 0);
    EXPECT_EQ(session.state().running_statistics(name)->rule(), UpdateRule{});
  }
  Batches nothing({});
  EXPECT_THAT(error_of([&] { recalibrate(session, nothing); }), HasSubstr("no batches"));
}

TEST(Recalibrate, LeavesStatisticsOfFrozenNormsUnlessTheyAreAsBuilt) {
  Graph graph = chain_of_norms(2);
  graph.set_frozen("bn0.*");
  Batches source(kSizes);
  Session session(graph);
  const auto mean = [&](const char* norm) {
    return session.state().running_statistics(std::string(norm) + ".running_mean")->mean()[0];
  };
  recalibrate(session, source);
  EXPECT_EQ(mean("bn0"), 0);
  EXPECT_NE(mean("bn1"), 0);
  // Behind a frozen one that normalizes with mean 0 and variance 1 as it is, and its ReLU.
  std::vector<Columns> inputs = all_batches(source);
  for (Columns& batch : inputs) {
    for (std::vector<double>& column : batch) {
      for (double& x : column) x = std::max(0.0, x / std::sqrt(1 + 1e-5));
    }
  }
  expect_statistics(session, "bn1", inputs, VarianceEstimate::kUnbiased);
  recalibrate(session, source, {.frozen_norms = FrozenNorms::kAsBuilt});
  EXPECT_NE(mean("bn0"), 0);
}

TEST(Recalibrate, LeavesFrozenStatisticsAndNetworksWithout) {
  Batches source(kSizes);
  Session frozen(chain_of_norms(1, {.statistics = Statistics::kRunning, .update_running = false}));
  const std::vector<float> before = all_values(frozen);
  EXPECT_EQ(recalibrate(frozen, source).samples, 0);
  EXPECT_EQ(all_values(frozen), before);
}

}  // namespace
}  // namespace equipoise::testing
