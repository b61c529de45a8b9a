/// Inference has normalizations folded into weights, which nobody notices but by the time it takes:
/// whatever writes to a state is seen by the next run, and settings of a context work.

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/images.h"
#include "equipoise/operations.h"
#include "equipoise/plan_report.h"

namespace equipoise::testing {
namespace {

constexpr ops::Pair kSize = {16, 16};
constexpr std::int64_t kBatch = 4;

std::vector<float> logits(Session& session, const RunOptions& options = {},
                          std::int64_t batch = kBatch) {
  const Images images(batch, kSize, 3, 5);
  const Results results = session.run({images.image()}, options);
  const auto values = results.values("logits");
  return {values.begin(), values.end()};
}

void train(Session& session, float rate = 0.1F) {
  const Images images(kBatch, kSize, 3, 7);
  ASSERT_TRUE(session.train({images.image(), images.labels()}, {.rate = rate}).updated);
}

/// What a session without folding says of the same state.
void expect_current(Session& session, State* state = nullptr) {
  Session truth(classifier(), {.skip_passes = {"fold_norms", "prepare_state"}});
  const std::vector<float> expected =
      logits(truth, {.state = state != nullptr ? state : &session.state()});
  const std::vector<float> actual = logits(session, {.state = state});
  const float largest =
      std::abs(*std::ranges::max_element(expected, {}, [](float v) { return std::abs(v); }));
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], 1e-5F * largest) << i;
  }
}

/// How many of the steps that depend on the state alone a run runs.
std::size_t prepared_steps(Session& session, const RunOptions& options = {},
                           std::int64_t batch = kBatch) {
  std::vector<double> times;
  RunOptions timed = options;
  timed.step_times = &times;
  logits(session, timed, batch);
  const std::size_t prepared = session.report(Mode::kInference, batch).prepared_steps;
  EXPECT_GT(prepared, 0U);
  return static_cast<std::size_t>(
      std::count_if(times.begin(), times.begin() + static_cast<std::ptrdiff_t>(prepared),
                    [](double time) { return time > 0; }));
}

class FoldedInference : public ::testing::Test {
 protected:
  Session session_{classifier(), {.optimizer = ops::SgdOptions{.momentum = 0.9}, .seed = 3}};
};

TEST_F(FoldedInference, HasNoBatchNormalizationOfAResNet) {
  for (const StepReport& step : session_.report(Mode::kInference, kBatch).steps) {
    EXPECT_NE(step.operation, "batch_norm") << step.name;
    EXPECT_NE(step.operation, "add") << step.name;
    EXPECT_NE(step.operation, "activate") << step.name;
  }
}

TEST_F(FoldedInference, FoldsAgainOnlyWhenTheStateHasChanged) {
  EXPECT_GT(prepared_steps(session_), 0U);
  EXPECT_EQ(prepared_steps(session_), 0U);
  train(session_);
  EXPECT_GT(prepared_steps(session_), 0U);
  EXPECT_EQ(prepared_steps(session_), 0U);
  static_cast<void>(std::as_const(session_).state().values("bn1.weight"));
  EXPECT_EQ(prepared_steps(session_), 0U);
}

TEST_F(FoldedInference, SharesFoldedWeightsBetweenBatchSizesAndContexts) {
  EXPECT_GT(prepared_steps(session_), 0U);
  EXPECT_EQ(prepared_steps(session_, {}, kBatch + 3), 0U);
  Context context;
  EXPECT_EQ(prepared_steps(session_, {.context = &context}), 0U);
}

TEST_F(FoldedInference, FoldsOncePerState) {
  State other(session_.graph(), 8);
  EXPECT_GT(prepared_steps(session_), 0U);
  EXPECT_GT(prepared_steps(session_, {.state = &other}), 0U);
  EXPECT_EQ(prepared_steps(session_), 0U);
  EXPECT_EQ(prepared_steps(session_, {.state = &other}), 0U);
  expect_current(session_, &other);
  expect_current(session_);
}

TEST_F(FoldedInference, SeesATrainingStep) {
  expect_current(session_);
  for (int step = 0; step < 3; ++step) {
    train(session_);
    expect_current(session_);
  }
}

TEST_F(FoldedInference, SeesStatisticsOfATrainingStepThatMovesNothingElse) {
  const std::vector<float> before = logits(session_);
  train(session_, 0);
  EXPECT_NE(logits(session_), before);
  expect_current(session_);
}

TEST_F(FoldedInference, SeesWhatIsWritten) {
  for (const char* name : {"conv1.weight", "bn1.weight", "bn1.bias", "bn1.running_mean",
                           "bn1.running_var", "layer2.0.downsample.0.weight"}) {
    const std::vector<float> before = logits(session_);
    for (float& value : session_.state().values(name)) value = 2 * value + 0.5F;
    EXPECT_NE(logits(session_), before) << name;
    expect_current(session_);
  }
}

TEST_F(FoldedInference, SeesALoad) {
  Session source(classifier(), {.optimizer = ops::SgdOptions{.momentum = 0.9}, .seed = 4});
  train(source);
  logits(session_);
  session_.state().load(std::as_const(source).state().entries());
  EXPECT_EQ(logits(session_), logits(source));
}

TEST_F(FoldedInference, SeesStatisticsThatTheCallerCommits) {
  logits(session_);
  RunningStatistics& running = *session_.state().running_statistics("bn1.running_mean");
  const std::vector<Moments> batch(16, {.count = 64, .mean = 0.3, .m2 = 200});
  running.stage(batch);
  expect_current(session_);
  running.commit();
  expect_current(session_);
  running.mutable_var()[3] = 7;
  expect_current(session_);
  running.reset();
  expect_current(session_);
}

TEST_F(FoldedInference, IsNotDeceivedByAStateAtTheSameAddress) {
  alignas(State) std::byte memory[sizeof(State)];
  std::vector<std::vector<float>> answers;
  for (const std::uint64_t seed : {11, 12}) {
    auto* state = new (memory) State(session_.graph(), seed);
    answers.push_back(logits(session_, {.state = state}));
    state->~State();
  }
  EXPECT_NE(answers[0], answers[1]);
}

TEST_F(FoldedInference, IsNotDeceivedByAnotherEpsilon) {
  ModelOptions options;
  options.norm.epsilon = 0.5;
  Session smoother(classifier("resnet8", options), {.seed = 3});
  const std::vector<float> own = logits(smoother);
  logits(session_);
  EXPECT_EQ(logits(smoother, {.state = &session_.state()}), own);
}

TEST_F(FoldedInference, SettingsOfAContextTakeThePlanThatCanBeSet) {
  train(session_);
  const std::vector<float> folded = logits(session_);
  Context context;
  context.set_norm("bn1", {.collect_moments = true});
  const Images images(kBatch, kSize, 3, 5);
  const Results results = session_.run({images.image()}, {.context = &context});
  EXPECT_EQ(results.moments("bn1").size(), 16U);
  const auto values = results.values("logits");
  for (std::size_t i = 0; i < folded.size(); ++i) EXPECT_NEAR(values[i], folded[i], 1e-4);
  context.reset_norms();
  EXPECT_EQ(logits(session_, {.context = &context}), folded);
}

TEST_F(FoldedInference, StopsAtANodeThatWasFoldedAway) {
  const Images images(kBatch, kSize, 3, 5);
  for (const char* node : {"conv1", "bn1", "relu"}) {
    Session tapped(classifier(), {.taps = {"relu"}});
    std::vector<double> times;
    const Results results = tapped.run({images.image()}, {.until = node, .step_times = &times});
    EXPECT_EQ(results.values("relu").size(), 4U * 16 * 16 * 16) << node;
    EXPECT_EQ(times.back(), 0) << node;
  }
}

TEST_F(FoldedInference, GivesTapsAsTheyAreWithoutFolding) {
  const std::vector<std::string> taps = {"conv1", "bn1", "layer1.0.conv2", "layer1.0.relu"};
  Session folded(classifier(), {.taps = taps});
  Session apart(classifier(), {.skip_passes = {"fold_norms", "fuse_convolutions"}, .taps = taps});
  const Images images(kBatch, kSize, 3, 5);
  const Results a = folded.run({images.image()});
  const Results b = apart.run({images.image()});
  for (const std::string& tap : taps) {
    const auto actual = a.values(tap);
    const auto expected = b.values(tap);
    ASSERT_EQ(actual.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
      ASSERT_NEAR(actual[i], expected[i], 1e-4) << tap << " " << i;
    }
  }
}

/// A graph's output, for images of (3, 8, 6, 5), with parameters and statistics that matter.
std::vector<float> output_of(const Graph& graph, const SessionOptions& options) {
  Session session(graph, options);
  float value = 0;
  for (const StateView& entry : session.state().entries()) {
    const auto* values = std::get_if<std::span<float>>(&entry.values);
    if (values == nullptr) continue;
    for (float& v : *values) v = 0.25F + std::abs(std::sin(value += 1));
  }
  const Images images(3, {6, 5}, 8, 5);
  const Results results = session.run({images.image()});
  const auto values = results.values("y");
  return {values.begin(), values.end()};
}

TEST(FoldedLayers, OfAllKindsComputeWhatTheyDidBefore) {
  Graph graph("layers");
  const auto norm = [&](const std::string& name, TensorId x, std::int64_t channels) {
    return ops::batch_norm(graph, name,
                           {.x = x,
                            .weight = graph.add_parameter(name + ".weight", {channels}),
                            .bias = graph.add_parameter(name + ".bias", {channels}),
                            .running_mean = graph.add_buffer(name + ".running_mean", {channels}),
                            .running_var = graph.add_buffer(name + ".running_var", {channels})});
  };
  const auto parameter = [&](const char* name, const GraphShape& shape) {
    return graph.add_parameter(name, shape);
  };
  TensorId x = graph.add_input("image", {GraphShape::kBatch, 8, 6, 5});
  x = ops::convolution(graph, "grouped", x, parameter("w1", {12, 4, 3, 3}), parameter("b1", {12}),
                       {.groups = 2});
  x = norm("norm1", x, 12);
  x = ops::convolution(graph, "depthwise", x, parameter("w2", {12, 1, 3, 3}), {},
                       {.padding = ops::Edges::all(1), .groups = 12});
  x = norm("norm2", x, 12);
  x = ops::activate(graph, "silu", x, ops::Function::kSilu);
  const TensorId twice = ops::convolution(graph, "twice", x, parameter("w3", {12, 12, 1, 1}), {});
  x = ops::add(graph, "add", norm("norm3", twice, 12), twice);
  x = ops::flatten(graph, "flatten", ops::global_average_pool(graph, "pool", x));
  x = ops::linear(graph, "linear", x, parameter("w4", {7, 12}), parameter("b4", {7}));
  graph.add_output(ops::activate(graph, "y", norm("norm4", x, 7), ops::Function::kTanh));

  const std::vector<float> folded = output_of(graph, {});
  const std::vector<float> apart =
      output_of(graph, {.skip_passes = {"fold_norms", "fuse_convolutions", "prepare_state"}});
  EXPECT_THAT(folded, ::testing::Pointwise(::testing::FloatNear(1e-5F), apart));
  std::vector<std::string> left;
  Session session(graph);
  for (const StepReport& step : session.report(Mode::kInference, 3).steps) {
    if (step.operation == "batch_norm") left.push_back(step.name);
  }
  EXPECT_THAT(left, ::testing::ElementsAre("norm3"));
}

/// As a low-rank adaptation has it (Hu et al. 2021): y = x·(W + A·B)ᵀ.
TEST(PreparedState, IsKeptWhereItTakesSeveralSteps) {
  constexpr std::int64_t kWidth = 24;
  const Initialization random{.kind = Initialization::Kind::kNormal, .value = 0.5};
  Graph graph("adapted");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, kWidth});
  const TensorId product =
      ops::matmul(graph, "product", graph.add_parameter("a", {kWidth, 2}, random),
                  graph.add_parameter("b", {2, kWidth}, random));
  const TensorId sum =
      ops::add(graph, "sum", graph.add_parameter("weight", {kWidth, kWidth}, random), product);
  const TensorId y = ops::linear(graph, "linear", x, sum);
  graph.add_output(ops::activate(graph, "y", y, ops::Function::kRelu));

  Session session(graph);
  Session truth(graph, {.skip_passes = {"prepare_state"}});
  const auto run = [](Session& which, std::int64_t samples) {
    std::vector<float> values(static_cast<std::size_t>(samples * kWidth), 0.5F);
    const Results results =
        which.run({{"x", {.data = values.data(), .shape = Shape{samples, kWidth}}}});
    const auto answer = results.values("y");
    return std::vector<float>(answer.begin(), answer.end());
  };
  ASSERT_GT(session.report(Mode::kInference, 3).prepared_steps, 1U);
  const std::vector<float> expected = run(truth, 3);
  // The first run computes it, the others find it, also behind one of another size.
  for (int i = 0; i < 3; ++i) {
    EXPECT_THAT(run(session, 3), ::testing::Pointwise(::testing::FloatNear(1e-5F), expected)) << i;
    run(session, 40);
  }
}

}  // namespace
}  // namespace equipoise::testing
