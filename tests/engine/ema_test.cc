/// Averages of parameters over the updates.

#include <cmath>
#include <limits>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/compile.h"
#include "engine/images.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::Ge;
using ::testing::HasSubstr;

constexpr double kDecay = 0.75;

class Ema : public ::testing::Test {
 protected:
  static Session session(const Optimizer& optimizer, std::optional<double> decay = kDecay,
                         std::optional<Layout> layout = std::nullopt) {
    return Session(classifier("resnet8"),
                   {.layout = layout, .optimizer = optimizer, .ema_decay = decay});
  }

  static void train(Session& session, std::uint64_t seed = 1,
                    std::vector<double>* step_times = nullptr) {
    const Images images(4, {16, 16}, 3, seed);
    ASSERT_TRUE(
        session.train({images.image(), images.labels()}, {.rate = 0.05F, .step_times = step_times})
            .updated);
  }

  static std::vector<float> copy(const State& state, const std::string& name) {
    const auto values = state.values(name);
    return {values.begin(), values.end()};
  }
};

TEST_F(Ema, IsTheWeightedMeanOfTheParametersBehindEachUpdate) {
  for (const Layout layout : {Layout::kChannelsFirst, Layout::kBlocked8}) {
    for (const Optimizer& optimizer :
         {Optimizer(ops::SgdOptions{.momentum = 0.9}), Optimizer(ops::AdamWOptions{})}) {
      Session trained = session(optimizer, kDecay, layout);
      constexpr int kUpdates = 5;
      std::map<std::string, std::vector<double>> sums;
      double all_weights = 0;
      for (int t = 1; t <= kUpdates; ++t) {
        train(trained, static_cast<std::uint64_t>(t));
        const double weight = std::pow(kDecay, kUpdates - t);
        all_weights += weight;
        for (const TensorId id : trained.graph().with_role(TensorRole::kParameter)) {
          const std::string& name = trained.graph().tensor(id).name;
          const auto values = std::as_const(trained).state().values(name);
          std::vector<double>& sum = sums[name];
          sum.resize(values.size());
          for (std::size_t i = 0; i < values.size(); ++i) {
            sum[i] += weight * static_cast<double>(values[i]);
          }
        }
      }
      for (const auto& [name, sum] : sums) {
        const auto average = std::as_const(trained).state().values(name + ".ema");
        for (std::size_t i = 0; i < sum.size(); ++i) {
          ASSERT_NEAR(average[i], sum[i] / all_weights, 1e-6) << name;
        }
      }
    }
  }
}

TEST_F(Ema, ChangesNoParameterAndOneSweepNoBits) {
  const ops::SgdOptions sgd{.momentum = 0.9, .weight_decay = 0.1};
  Session swept = session(sgd);
  Session one_by_one = session(sgd);
  Session without = session(sgd, std::nullopt);
  std::vector<double> times;
  for (int step = 0; step < 3; ++step) {
    train(swept);
    train(one_by_one, 1, &times);  // who takes times runs each update alone
    train(without);
  }
  EXPECT_THAT(all_values(swept), ElementsAreArray(all_values(one_by_one)));
  for (const TensorId id : without.graph().with_role(TensorRole::kParameter)) {
    const std::string& name = without.graph().tensor(id).name;
    EXPECT_THAT(copy(swept.state(), name), ElementsAreArray(copy(without.state(), name))) << name;
  }
}

TEST_F(Ema, IsPartOfTheSweepThatUpdates) {
  Graph graph("two layers");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 40});
  TensorId y = ops::linear(graph, "fc1", x, graph.add_parameter("fc1.weight", {40, 40}));
  y = ops::linear(graph, "fc2", y, graph.add_parameter("fc2.weight", {40, 40}));
  graph.add_output(ops::mean_squared_error(graph, "loss", y,
                                           graph.add_input("target", {GraphShape::kBatch, 40})));
  const auto plan = engine::compile(graph, Mode::kTraining, 4, 1,
                                    {.skip_passes = {"choose_layouts"},
                                     .optimizer = ops::SgdOptions{.momentum = 0.9},
                                     .ema_decay = kDecay});
  ASSERT_EQ(plan->sweeps.size(), 1U);
  ASSERT_THAT(plan->sweeps[0].parts.size(), Ge(2U));
  for (const engine::Sweep::Part& part : plan->sweeps[0].parts) EXPECT_EQ(part.length, 2U);
}

TEST_F(Ema, StaysWhereAStepIsRefused) {
  Session trained = session(ops::SgdOptions{});
  train(trained);
  const std::vector<float> before = all_values(trained);
  Images broken(4, {16, 16});
  broken.pixels()[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(trained.train({broken.image(), broken.labels()}, {.rate = 0.01F}).updated);
  EXPECT_THAT(all_values(trained), ElementsAreArray(before));
}

TEST_F(Ema, GoesOnFromASavedStateWithTheSameBits) {
  Session whole = session(ops::SgdOptions{.momentum = 0.9});
  train(whole);
  Session resumed = session(ops::SgdOptions{.momentum = 0.9});
  resumed.state().load(std::as_const(whole).state().entries());
  train(whole, 2);
  train(resumed, 2);
  EXPECT_THAT(all_values(resumed), ElementsAreArray(all_values(whole)));
}

TEST_F(Ema, GoesIntoAnotherState) {
  Graph graph = classifier("resnet8");
  graph.set_frozen("fc.*");
  Session trained(graph, {.optimizer = ops::SgdOptions{}, .ema_decay = kDecay});
  EXPECT_FALSE(trained.state().has("fc.weight.ema"));
  State averaged(graph, 77);
  trained.average_into(averaged);  // before the first update
  EXPECT_EQ(copy(averaged, "conv1.weight"), copy(trained.state(), "conv1.weight"));
  train(trained, 1);
  train(trained, 2);
  trained.average_into(averaged);
  EXPECT_EQ(copy(averaged, "conv1.weight"), copy(trained.state(), "conv1.weight.ema"));
  EXPECT_NE(copy(averaged, "conv1.weight"), copy(trained.state(), "conv1.weight"));
  EXPECT_EQ(copy(averaged, "fc.weight"), copy(trained.state(), "fc.weight"));
  EXPECT_EQ(copy(averaged, "bn1.running_mean"), copy(trained.state(), "bn1.running_mean"));
}

TEST_F(Ema, OptionsThatDoNotFitAreErrors) {
  for (const double decay : {1.0, -0.5, std::numeric_limits<double>::quiet_NaN()}) {
    EXPECT_THAT(error_of([&] { session(ops::SgdOptions{}, decay); }), HasSubstr("ema_decay is"));
  }
  EXPECT_THAT(error_of([] { Session(classifier("resnet8"), {.ema_decay = 0.9}); }),
              HasSubstr("SessionOptions::optimizer"));
  Session without = session(ops::SgdOptions{}, std::nullopt);
  State other(without.graph());
  EXPECT_FALSE(without.averages());
  EXPECT_THAT(error_of([&] { without.average_into(other); }), HasSubstr("ema_decay"));
}

}  // namespace
}  // namespace equipoise::testing
