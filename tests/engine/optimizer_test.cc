/// What a session's optimizer does with all parameters of a network.

#include <algorithm>
#include <cmath>
#include <limits>
#include <set>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"

namespace equipoise::testing {
namespace {

using ::testing::Contains;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::FloatNear;
using ::testing::HasSubstr;
using ::testing::IsSupersetOf;
using ::testing::Not;

class OptimizerOfSession : public ::testing::Test {
 protected:
  static Session session(const Optimizer& optimizer, bool decay_norms_and_biases = false) {
    return Session(classifier("resnet8"),
                   {.optimizer = optimizer, .decay_norms_and_biases = decay_norms_and_biases});
  }

  void train(Session& session, std::vector<double>* step_times = nullptr) {
    ASSERT_TRUE(
        session
            .train({images_.image(), images_.labels()}, {.rate = 0.01F, .step_times = step_times})
            .updated);
  }

  /// Those that one step with weight decay moves to somewhere else than a step without.
  std::set<std::string> decayed(bool norms_and_biases) {
    Session plain = session(ops::SgdOptions{}, norms_and_biases);
    Session decays = session(ops::SgdOptions{.weight_decay = 0.5}, norms_and_biases);
    // Biases begin at 0, where there is nothing to decay.
    for (Session* each : {&plain, &decays}) std::ranges::fill(each->state().values("fc.bias"), 1);
    for (Session* each : {&plain, &decays}) std::ranges::fill(each->state().values("bn1.bias"), 1);
    train(plain);
    train(decays);
    std::set<std::string> names;
    for (const TensorId id : plain.graph().with_role(TensorRole::kParameter)) {
      const std::string& name = plain.graph().tensor(id).name;
      if (!std::ranges::equal(plain.state().values(name), decays.state().values(name))) {
        names.insert(name);
      }
    }
    return names;
  }

  const Images images_{4, {16, 16}};
};

TEST_F(OptimizerOfSession, WeightDecayLeavesOutNormalizationsAndBiases) {
  const std::set<std::string> names = decayed(false);
  EXPECT_THAT(names, IsSupersetOf({"conv1.weight", "layer1.0.conv1.weight", "fc.weight"}));
  for (const char* left_out : {"bn1.weight", "bn1.bias", "layer1.0.bn1.weight", "fc.bias"}) {
    EXPECT_THAT(names, Not(Contains(left_out)));
  }
}

TEST_F(OptimizerOfSession, WeightDecayIsOfAllParametersIfAsked) {
  EXPECT_THAT(decayed(true), IsSupersetOf({"conv1.weight", "fc.weight", "bn1.weight", "bn1.bias",
                                           "layer1.0.bn1.weight", "fc.bias"}));
}

TEST(WeightDecay, LeavesOutWeightsOfNormalizationsThatHaveTwoDimensions) {
  Graph graph("two dimensions");
  const GraphShape shape{GraphShape::kBatch, 2, 3};
  const TensorId y =
      ops::layer_norm(graph, "ln",
                      {.x = graph.add_input("x", shape),
                       .weight = graph.add_parameter("ln.weight", {2, 3}, {.value = 1}),
                       .bias = graph.add_parameter("ln.bias", {2, 3}, {.value = 1})},
                      {.trailing = 2});
  graph.add_output(y);
  graph.add_output(ops::mean_squared_error(graph, "loss", y, graph.add_input("target", shape)));
  Session session(graph, {.optimizer = ops::SgdOptions{.weight_decay = 0.5}});
  const std::vector<float> values = {1, 2, 3, 4, 5, 7};
  const Input x{"x", {.data = values.data(), .shape = Shape{1, 2, 3}}};
  // A target that is met: without weight decay, nothing moves.
  const Results results = session.run({x});
  const std::vector<float> met(results.values("ln").begin(), results.values("ln").end());
  const Input target{"target", {.data = met.data(), .shape = Shape{1, 2, 3}}};
  ASSERT_TRUE(session.train({x, target}, {.rate = 0.5F}).updated);
  EXPECT_THAT(session.state().values("ln.weight"), Each(FloatNear(1, 1e-6F)));
}

TEST_F(OptimizerOfSession, OneSweepGivesTheBitsOfOneUpdateAfterTheOther) {
  for (const Optimizer& optimizer :
       {Optimizer(ops::SgdOptions{.momentum = 0.9, .weight_decay = 0.1}),
        Optimizer(ops::AdamWOptions{.weight_decay = 0.1})}) {
    Session swept = session(optimizer);
    Session one_by_one = session(optimizer);
    std::vector<double> times;
    for (int step = 0; step < 3; ++step) {
      train(swept);
      train(one_by_one, &times);  // who takes times runs each update alone
    }
    EXPECT_THAT(all_values(swept), ElementsAreArray(all_values(one_by_one)));
  }
}

TEST_F(OptimizerOfSession, AdamWGoesOnFromASavedStateWithTheSameBits) {
  const ops::AdamWOptions adamw{.weight_decay = 0.1};
  Session whole = session(adamw);
  train(whole);
  train(whole);
  Session resumed = session(adamw);
  resumed.state().load(std::as_const(whole).state().entries());
  EXPECT_THAT(resumed.state().values("optimizer.step"), ElementsAre(2));
  train(whole);
  train(resumed);
  EXPECT_THAT(all_values(resumed), ElementsAreArray(all_values(whole)));
  EXPECT_THAT(resumed.state().values("optimizer.step"), ElementsAre(3));
}

TEST_F(OptimizerOfSession, ARefusedStepIsNoUpdateThatAdamWCounts) {
  Session session = OptimizerOfSession::session(ops::AdamWOptions{});
  Images broken(4, {16, 16});
  broken.pixels()[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_FALSE(session.train({broken.image(), broken.labels()}, {.rate = 0.01F}).updated);
  EXPECT_THAT(session.state().values("optimizer.step"), ElementsAre(0));
  train(session);
  EXPECT_THAT(session.state().values("optimizer.step"), ElementsAre(1));
}

/// A linear regression of two samples.
class Regression {
 public:
  explicit Regression(const Optimizer& optimizer) : session_(graph(), {.optimizer = optimizer}) {
    std::ranges::copy(std::vector{0.5F, -1.0F, 0.25F}, session_.state().values("weight").begin());
    session_.state().values("bias")[0] = 0.125F;
  }

  Session& session() { return session_; }
  StepResult train(const StepOptions& options) {
    return session_.train({{"x", {.data = x_.data(), .shape = Shape{2, 3}}},
                           {"target", {.data = target_.data(), .shape = Shape{2, 1}}}},
                          options);
  }

 private:
  static Graph graph() {
    Graph graph("regression");
    const TensorId y =
        ops::linear(graph, "fc", graph.add_input("x", {GraphShape::kBatch, 3}),
                    graph.add_parameter("weight", {1, 3}), graph.add_parameter("bias", {1}));
    const TensorId target = graph.add_input("target", {GraphShape::kBatch, 1});
    graph.add_output(ops::mean_squared_error(graph, "loss", y, target));
    return graph;
  }

  std::vector<float> x_ = {1, 2, -1, 0.5, -1.5, 3};
  std::vector<float> target_ = {2, -1};
  Session session_;
};

TEST(Clipping, IsThatOfPyTorch) {
  struct Case {
    Optimizer optimizer;
    std::vector<double> norms;
    std::vector<double> weight;
    double bias;
  };
  // torch.nn.utils.clip_grad_norm_(parameters, 1.5) in f64, rate 1/4.
  const Case cases[] = {{ops::SgdOptions{.momentum = 0.5},
                         {19.352204331806753, 13.822187754743874, 5.702233844545803},
                         {0.7087715313317561, 0.08158073637006619, -0.8884242745209316},
                         0.20096399659044534},
                        // The bias's gradients begin at 0, which a small ε would divide by itself.
                        {ops::AdamWOptions{.epsilon = 0.125},
                         {19.352204331806753, 14.630479846203682, 9.92608625868278},
                         {0.9060999044874061, -0.334018225324663, -0.42439711047448236},
                         0.17049425058274473}};
  for (const Case& c : cases) {
    Regression regression(c.optimizer);
    for (const double norm : c.norms) {
      const StepResult step = regression.train({.rate = 0.25F, .clip_norm = 1.5F});
      EXPECT_TRUE(step.updated);
      EXPECT_NEAR(step.gradient_norm, norm, 1e-5 * norm);
    }
    const auto weight = regression.session().state().values("weight");
    for (std::size_t i = 0; i < 3; ++i) EXPECT_NEAR(weight[i], c.weight[i], 1e-5);
    EXPECT_NEAR(regression.session().state().values("bias")[0], c.bias, 1e-5);
  }
}

TEST_F(OptimizerOfSession, ClippingLeavesSmallerGradientsAsTheyAre) {
  Session clipped = session(ops::SgdOptions{.momentum = 0.9});
  Session free = session(ops::SgdOptions{.momentum = 0.9});
  const std::vector<Input> inputs = {images_.image(), images_.labels()};
  EXPECT_TRUE(clipped.train(inputs, {.rate = 0.01F, .clip_norm = 1e9F}).updated);
  EXPECT_TRUE(free.train(inputs, {.rate = 0.01F}).updated);
  EXPECT_THAT(all_values(clipped), ElementsAreArray(all_values(free)));
}

TEST_F(OptimizerOfSession, ClipsTheMeanOfWhatWasAccumulated) {
  Session session = OptimizerOfSession::session(ops::SgdOptions{});
  session.accumulate({images_.image(), images_.labels()});
  session.accumulate({images_.image(), images_.labels()});
  const StepResult step = session.update({.rate = 1.0F, .clip_norm = 0.125F});
  ASSERT_TRUE(step.updated);
  ASSERT_GT(step.gradient_norm, 0.125);
  double squares = 0;
  const Session fresh = OptimizerOfSession::session(ops::SgdOptions{});
  for (const TensorId id : session.graph().with_role(TensorRole::kParameter)) {
    const std::string& name = session.graph().tensor(id).name;
    const auto old = fresh.state().values(name);
    const auto now = session.state().values(name);
    for (std::size_t i = 0; i < now.size(); ++i) squares += std::pow(now[i] - old[i], 2);
  }
  EXPECT_NEAR(std::sqrt(squares), 0.125, 1e-5);
}

TEST_F(OptimizerOfSession, ClippingTakesAPositiveNorm) {
  Session session = OptimizerOfSession::session(ops::SgdOptions{});
  for (const float norm : {0.0F, -1.0F, std::numeric_limits<float>::quiet_NaN()}) {
    EXPECT_THAT(
        error_of([&] {
          session.train({images_.image(), images_.labels()}, {.rate = 0.01F, .clip_norm = norm});
        }),
        HasSubstr("clip_norm is"));
  }
}

}  // namespace
}  // namespace equipoise::testing
