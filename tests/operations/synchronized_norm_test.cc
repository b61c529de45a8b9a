/// A synchronized batch normalization in sessions of several ranks against the whole batch in one.

#include <cstdint>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/random.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "norm/simulated_ranks.h"

namespace equipoise::testing {
namespace {

using ::testing::FloatNear;
using ::testing::Pointwise;

constexpr std::int64_t kSamples = 6;
constexpr std::int64_t kChannels = 9;
constexpr std::int64_t kSample = kChannels * 4 * 5;

Graph synchronized_norm() {
  Graph graph("test");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, kChannels, 4, 5});
  const TensorId y = ops::batch_norm(
      graph, "bn",
      {.x = x,
       .weight = graph.add_parameter("weight", {kChannels},
                                     {.kind = Initialization::Kind::kUniform, .value = 1}),
       .bias = graph.add_parameter("bias", {kChannels}),
       .running_mean = graph.add_buffer("running_mean", {kChannels}),
       .running_var = graph.add_buffer("running_var", {kChannels}, {.value = 1})},
      {.synchronized = true});
  const TensorId target = graph.add_input("target", {GraphShape::kBatch, kChannels, 4, 5});
  graph.add_output(ops::mean_squared_error(graph, "loss", y, target));
  return graph;
}

struct Trained {
  std::vector<float> y, dx, running_mean, running_var;
};

/// One step on samples first … last − 1.
Trained train(std::int64_t first, std::int64_t last, Communicator* communicator) {
  std::vector<float> x, target;
  for (std::int64_t i = first * kSample; i < last * kSample; ++i) {
    const auto place = static_cast<std::uint64_t>(i);
    // Samples differ, so that a rank alone would have other statistics.
    x.push_back(uniform(1, place) + static_cast<float>(i / kSample));
    target.push_back(uniform(2, place));
  }
  Session session(synchronized_norm(), {.taps = {"bn"},
                                        .optimizer = ops::SgdOptions{},
                                        .gradients = {"x"},
                                        .communicator = communicator});
  const Shape shape{last - first, kChannels, 4, 5};
  const StepResult step = session.train({{"x", {.data = x.data(), .shape = shape}},
                                         {"target", {.data = target.data(), .shape = shape}}},
                                        {.rate = 0});
  EXPECT_TRUE(step.updated) << step.refusal;
  const auto copy = [](std::span<const float> values) {
    return std::vector<float>(values.begin(), values.end());
  };
  return {.y = copy(step.results.values("bn")),
          .dx = copy(step.results.values("x.gradient")),
          .running_mean = copy(session.state().values("running_mean")),
          .running_var = copy(session.state().values("running_var"))};
}

std::vector<float> part(const std::vector<float>& all, std::int64_t first, std::int64_t last,
                        float factor) {
  std::vector<float> result;
  for (std::int64_t i = first * kSample; i < last * kSample; ++i) {
    result.push_back(factor * all[static_cast<std::size_t>(i)]);
  }
  return result;
}

TEST(SynchronizedNorm, OfTwoSessionsIsThatOfTheWholeBatch) {
  const Trained whole = train(0, kSamples, nullptr);
  SimulatedRanks(2).run([&](int rank, Communicator& communicator) {
    const std::int64_t first = rank == 0 ? 0 : kSamples / 3;
    const std::int64_t last = rank == 0 ? kSamples / 3 : kSamples;
    const Trained own = train(first, last, &communicator);
    EXPECT_THAT(own.y, Pointwise(FloatNear(1e-6F), part(whole.y, first, last, 1)));
    EXPECT_THAT(own.running_mean, Pointwise(FloatNear(1e-6F), whole.running_mean));
    EXPECT_THAT(own.running_var, Pointwise(FloatNear(1e-6F), whole.running_var));
  });
}

TEST(SynchronizedNorm, GradientsOfRanksThatHaveAsManySamplesAreThoseOfTheWholeBatch) {
  const Trained whole = train(0, kSamples, nullptr);
  SimulatedRanks(2).run([&](int rank, Communicator& communicator) {
    const std::int64_t first = rank * kSamples / 2;
    const std::int64_t last = first + kSamples / 2;
    const Trained own = train(first, last, &communicator);
    // Each rank's loss is the mean over its half.
    EXPECT_THAT(own.dx, Pointwise(FloatNear(1e-8F), part(whole.dx, first, last, 2)));
  });
}

}  // namespace
}  // namespace equipoise::testing
