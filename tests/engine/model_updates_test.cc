/// Graphs that have updates of their own.

#include <cmath>
#include <limits>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "equipoise/session.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

/// y = x·w with loss (y − 1)²; "update" lowers w by rate·gradient, before "after" reads it.
struct Model {
  Graph graph{"model"};
  TensorId x = graph.add_input("x", {GraphShape::kBatch, 1});
  TensorId w = graph.add_parameter("w", {1}, {.value = 2});
  TensorId gradient = graph.add_input("gradient", {1});
  TensorId rate = graph.add_input("rate", {});
  TensorId y = ops::multiply(graph, "y", x, w);

  explicit Model(double momentum = 0) {
    const TensorId velocity = momentum != 0 ? graph.add_buffer("velocity", {1}) : TensorId{};
    ops::sgd_update(graph, "update", w, gradient, velocity, rate, {.momentum = momentum});
    const TensorId after = ops::multiply(graph, "after", x, w);
    const TensorId target = graph.add_input("target", {GraphShape::kBatch, 1});
    graph.add_output(ops::mean_squared_error(graph, "loss", after, target));
    graph.add_output(y);
    graph.add_output(after);
  }
};

class Values {
 public:
  std::vector<Input> inputs() const {
    return {{"x", {.data = x.data(), .shape = Shape{2, 1}}},
            {"target", {.data = target.data(), .shape = Shape{2, 1}}},
            {"gradient", {.data = &gradient, .shape = Shape{1}}},
            {"rate", {.data = &rate, .shape = Shape{}}}};
  }

  std::vector<float> x = {3, 5};
  std::vector<float> target = {1, 1};
  float gradient = 4;
  float rate = 0.25F;
};

TEST(ModelUpdates, DoNotRunInInference) {
  Session session(Model(0.5).graph);
  const Values values;
  for (int i = 0; i < 2; ++i) {
    const Results results = session.run(values.inputs());
    EXPECT_THAT(results.values("after"), ElementsAre(6, 10));
  }
  EXPECT_THAT(session.state().values("w"), ElementsAre(2));
  EXPECT_THAT(session.state().values("velocity"), ElementsAre(0));
  EXPECT_THAT(session.explain(Mode::kInference, 2), ::testing::Not(HasSubstr("sgd_update")));
  EXPECT_THAT(error_of([&] { session.run(values.inputs(), {.until = "update"}); }),
              HasSubstr("'update', which does not run: inference"));
}

TEST(ModelUpdates, OverwriteNothingInInferenceWhereTheirResultIsAskedFor) {
  for (const double momentum : {0.0, 0.5}) {
    Session session(Model(momentum).graph, {.taps = {"update"}});
    const Values values;
    for (int i = 0; i < 2; ++i) {
      const Results results = session.run(values.inputs());
      EXPECT_THAT(results.values("update"), ElementsAre(1)) << "2 − 0.25·4";
      EXPECT_THAT(results.values("after"), ElementsAre(6, 10));
    }
    EXPECT_THAT(session.state().values("w"), ElementsAre(2));
    if (momentum == 0) continue;
    EXPECT_THAT(session.state().values("velocity"), ElementsAre(0));
  }
}

TEST(ModelUpdates, RunBehindTheGate) {
  Session session(Model().graph);
  Values values;
  const StepResult step = session.train(values.inputs());
  EXPECT_TRUE(step.updated) << step.refusal;
  EXPECT_THAT(step.results.values("after"), ElementsAre(6, 10)) << "of w before the update";
  EXPECT_THAT(session.state().values("w"), ElementsAre(1));

  values.x[0] = std::numeric_limits<float>::infinity();
  EXPECT_FALSE(session.train(values.inputs()).updated);
  values.x[0] = 3;
  values.gradient = std::numeric_limits<float>::quiet_NaN();
  EXPECT_THAT(session.train(values.inputs()).refusal, HasSubstr("gradients"));
  EXPECT_THAT(session.state().values("w"), ElementsAre(1));
}

TEST(ModelUpdates, GoWithAnOptimizerOfOtherParameters) {
  Model model;
  const TensorId shift = model.graph.add_parameter("shift", {1}, {.value = 3});
  const TensorId sum = ops::add(model.graph, "sum", model.graph.tensor("after"), shift);
  model.graph.set_outputs(
      {ops::mean_squared_error(model.graph, "error", sum, model.graph.tensor("target"))});
  model.graph.set_frozen("w");
  Session session(model.graph, {.optimizer = ops::SgdOptions{}, .loss = "error"});
  EXPECT_TRUE(session.train(Values().inputs(), {.rate = 0.5F}).updated);
  EXPECT_THAT(session.state().values("w"), ElementsAre(1));
  // The mean of 2·(sum − 1) is 2·(11 − 1).
  EXPECT_THAT(session.state().values("shift"), ElementsAre(3 - 0.5F * 20));
}

TEST(ModelUpdates, ThatCannotWaitForTheGateAreErrorsOfTraining) {
  Model model;
  const auto training_error = [](const Graph& graph, SessionOptions options = {}) {
    Session session(graph, std::move(options));
    return error_of([&] { session.train(Values().inputs(), {.rate = 0.1F}); });
  };
  EXPECT_THAT(training_error(model.graph, {.optimizer = ops::SgdOptions{}}),
              AllOf(HasSubstr("graph 'model', node 'update': it updates 'w'"),
                    HasSubstr("freeze the parameter")));
  EXPECT_THAT(training_error(model.graph, {.taps = {"update"}}), HasSubstr("behind the gate"));
  ops::multiply(model.graph, "reads", model.graph.tensor("update"), model.w);
  EXPECT_THAT(training_error(model.graph), HasSubstr("nothing can read its result"));
}

}  // namespace
}  // namespace equipoise::testing
