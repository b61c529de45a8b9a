/// The gate between gradients and update, and what normalizations do in a run.

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"
#include "equipoise/norm_summary.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr ops::Pair kSize = {16, 16};

Session trained_session() {
  Session session(classifier(), {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  const Images images(4, kSize);
  for (int i = 0; i < 2; ++i) session.train({images.image(), images.labels()}, {.rate = 0.1F});
  return session;
}

TEST(Gate, OpensForFiniteGradients) {
  Session session = trained_session();
  const Images images(4, kSize, 3, 5);
  const std::vector<float> before = all_values(session);
  const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0.1F});
  EXPECT_TRUE(step.updated);
  EXPECT_EQ(step.refusal, "");
  EXPECT_GT(step.gradient_norm, 0);
  EXPECT_NE(all_values(session), before);
}

TEST(Gate, StaysShutForAnInputThatIsNotFinite) {
  for (const float bad :
       {std::numeric_limits<float>::quiet_NaN(), std::numeric_limits<float>::infinity()}) {
    Session session = trained_session();
    const std::vector<float> before = all_values(session);
    Images images(4, kSize);
    images.pixels()[100] = bad;
    const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0.1F});
    EXPECT_FALSE(step.updated);
    EXPECT_NE(step.refusal, "");
    EXPECT_THAT(all_values(session), ElementsAreArray(before));
    // And the next step is as if it had not been.
    Session undisturbed = trained_session();
    const Images good(4, kSize, 3, 9);
    EXPECT_EQ(session.train({good.image(), good.labels()}, {.rate = 0.1F}).gradient_norm,
              undisturbed.train({good.image(), good.labels()}, {.rate = 0.1F}).gradient_norm);
    EXPECT_THAT(all_values(session), ElementsAreArray(all_values(undisturbed)));
  }
}

TEST(Gate, NamesTheLayerWhoseStatisticsAreNotFinite) {
  // Without the loss noticing: the bad channel's γ is 0, and β hides it.
  Graph graph("statistics");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 2});
  const TensorId weight = graph.add_parameter("bn.weight", {2});
  const TensorId mean = graph.add_buffer("bn.running_mean", {2});
  const TensorId var = graph.add_buffer("bn.running_var", {2}, {.value = 1});
  const TensorId y = ops::batch_norm(
      graph, "bn", {.x = x, .weight = weight, .running_mean = mean, .running_var = var});
  const TensorId target = graph.add_input("target", {GraphShape::kBatch, 2});
  graph.add_output(ops::mean_squared_error(graph, "loss", y, target));
  Session session(graph, {.optimizer = ops::SgdOptions{}});
  const float huge = 1e38F;
  const std::vector<float> values = {huge, 1, -huge, 2, huge, 3};
  const ConstTensorView view{.data = values.data(), .shape = Shape{3, 2}};
  const StepResult step = session.train({{"x", view}, {"target", view}}, {.rate = 0.1F});
  EXPECT_FALSE(step.updated);
  EXPECT_EQ(step.first_non_finite, "bn");
  EXPECT_THAT(session.state().values("bn.running_mean"), Each(0.0F));
}

TEST(Gate, NamesWhatWasNotFiniteFirst) {
  struct Case {
    const char* name;
    const char* text;
    void (*spoil)(Session& session, Images& images);
  };
  const Case cases[] = {
      {"image", "the input 'image' is not finite (2 of 3072 values)",
       [](Session&, Images& images) {
         images.pixels()[100] = std::numeric_limits<float>::infinity();
         images.pixels()[7] = std::numeric_limits<float>::quiet_NaN();
       }},
      {"layer2.0.conv1.weight", "the parameter 'layer2.0.conv1.weight' is not finite (1 of",
       [](Session& session, Images&) {
         session.state().values("layer2.0.conv1.weight")[3] =
             std::numeric_limits<float>::quiet_NaN();
       }},
      {"layer2.0.conv1", "the output of 'layer2.0.conv1' is not finite (",
       [](Session& session, Images&) {
         std::ranges::fill(session.state().values("layer2.0.conv1.weight"), 3e38F);
       }},
  };
  for (const Case& c : cases) {
    Session session = trained_session();
    Images images(4, kSize);
    c.spoil(session, images);
    const std::vector<float> before = all_values(session);
    const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0.1F});
    EXPECT_FALSE(step.updated);
    EXPECT_EQ(step.first_non_finite, c.name);
    EXPECT_THAT(step.refusal,
                AllOf(StartsWith("the loss is "), HasSubstr("; first, "), HasSubstr(c.text)));
    EXPECT_EQ(session.state().running_statistics("bn1.running_mean")->staged(), 0);
    EXPECT_EQ(std::memcmp(all_values(session).data(), before.data(), sizeof(float) * before.size()),
              0);
  }
  Session session = trained_session();
  const Images images(4, kSize);
  EXPECT_EQ(session.train({images.image(), images.labels()}, {.rate = 0.1F}).first_non_finite, "");
}

TEST(Gate, NamesAGradientWhereTheLossIsFinite) {
  Graph graph("overflow");
  const TensorId x = graph.add_input("x", {GraphShape::kBatch, 1});
  const TensorId y = ops::linear(graph, "fc", x, graph.add_parameter("fc.weight", {1, 1}));
  const TensorId target = graph.add_input("target", {GraphShape::kBatch, 1});
  graph.add_output(y);
  graph.add_output(ops::mean_squared_error(graph, "loss", y, target));
  // y = 0 and the loss 1e30, but dw = 2·mean((y − target)·x) = −2e53.
  const std::vector<float> huge = {1e38F, 1e38F};
  const std::vector<float> large = {1e15F, 1e15F};
  const std::vector<Input> inputs = {{"x", {.data = huge.data(), .shape = Shape{2, 1}}},
                                     {"target", {.data = large.data(), .shape = Shape{2, 1}}}};
  Session session(graph, {.optimizer = ops::SgdOptions{}});
  const StepResult step = session.train(inputs, {.rate = 0.1F});
  EXPECT_FALSE(step.updated);
  EXPECT_EQ(step.first_non_finite, "fc.dweight");
  EXPECT_THAT(step.refusal, AllOf(StartsWith("the norm of all gradients is "),
                                  HasSubstr("the output of 'fc.dweight' is not finite (1 of 1 ")));
  // What the step gives back is what it computed, although it was run again.
  EXPECT_THAT(step.results.values("fc"), Each(0.0F));
  EXPECT_FLOAT_EQ(step.results.values("loss")[0], 1e30F);
}

TEST(NormSettings, RunningStatisticsMakeTrainingLikeInference) {
  Session session = trained_session();
  const Images images(4, kSize, 3, 5);
  const Results inference = session.run({images.image()});
  const std::vector<float> expected(inference.values("logits").begin(),
                                    inference.values("logits").end());
  for (const NormSummary& norm : summarize_norms(session.graph())) {
    session.context().set_norm(norm.name,
                               {.statistics = Statistics::kRunning, .update_running = false});
  }
  const auto* running = session.state().running_statistics("bn1.running_mean");
  const std::int64_t batches = running->num_batches_tracked();
  const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0});
  const auto values = step.results.values("logits");
  for (std::size_t i = 0; i < expected.size(); ++i) EXPECT_NEAR(values[i], expected[i], 1e-5);
  EXPECT_EQ(running->num_batches_tracked(), batches);
}

TEST(NormSettings, BatchStatisticsInInferenceAreThoseOfTraining) {
  Session session = trained_session();
  const Images images(4, kSize, 3, 5);
  for (const NormSummary& norm : summarize_norms(session.graph())) {
    session.context().set_norm(norm.name, {.statistics = Statistics::kBatch});
  }
  const Results inference = session.run({images.image()});
  const std::vector<float> actual(inference.values("logits").begin(),
                                  inference.values("logits").end());
  EXPECT_EQ(inference.moments("bn1").size(), 16U);
  EXPECT_EQ(session.state().running_statistics("bn1.running_mean")->staged(), 0);
  session.context().reset_norms();
  const StepResult step = session.train({images.image(), images.labels()}, {.rate = 0});
  for (std::size_t i = 0; i < actual.size(); ++i) {
    EXPECT_NEAR(actual[i], step.results.values("logits")[i], 1e-5);
  }
}

TEST(NormSettings, OneLayerIsOverridden) {
  Session session = trained_session();
  const Images images(4, kSize, 3, 5);
  Context context;
  const std::vector<float> zeros(16, 0.0F);
  const std::vector<float> huge(16, 1e12F);
  context.set_norm("bn1", {.mean = zeros, .var = huge});
  const Results results = session.run({images.image()}, {.context = &context});
  // bn1 gives its β, 0 in the beginning and nearly so now: all samples look alike.
  const auto values = results.values("logits");
  for (std::size_t i = 10; i < values.size(); ++i) EXPECT_NEAR(values[i], values[i % 10], 1e-3);
}

TEST(NormSettings, InferenceCanCollectAndStage) {
  Session session = trained_session();
  const Images images(4, kSize, 3, 5);
  EXPECT_TRUE(session.run({images.image()}).moments("bn1").empty());
  session.context().set_norm("bn1", {.update_running = true});
  const Results results = session.run({images.image()});
  ASSERT_EQ(results.moments("bn1").size(), 16U);
  EXPECT_EQ(results.moments("bn1")[0].count, 4 * 16 * 16);
  auto* running = session.state().running_statistics("bn1.running_mean");
  const float before = running->mean()[0];
  EXPECT_EQ(running->staged(), 1);
  running->commit();
  const double expected = 0.9 * static_cast<double>(before) + 0.1 * results.moments("bn1")[0].mean;
  EXPECT_NEAR(running->mean()[0], expected, 1e-6);
}

TEST(NormSettings, ThatDoNotFitAreErrors) {
  Session session = trained_session();
  const Images images(4, kSize);
  const auto run_with = [&](const char* node, NormSettings settings) {
    Context context;
    context.set_norm(node, std::move(settings));
    return error_of([&] { session.run({images.image()}, {.context = &context}); });
  };
  EXPECT_THAT(run_with("bn11", {}), HasSubstr("did you mean 'bn1'"));
  EXPECT_THAT(run_with("conv1", {}), HasSubstr("no normalization 'conv1'"));
  EXPECT_THAT(run_with("bn1", {.mean = {1, 2}}), HasSubstr("2 values for 'bn1', which has 16"));
  std::vector<float> negative(16, 1);
  negative[3] = -0.5F;
  EXPECT_THAT(run_with("bn1", {.var = negative}), HasSubstr("channel 3 of 'bn1' is -0.5"));
}

TEST(Training, TakesAFiniteRate) {
  Session session = trained_session();
  const std::vector<float> before = all_values(session);
  const Images images(4, kSize);
  const auto train_at = [&](std::optional<float> rate) {
    return error_of([&] { session.train({images.image(), images.labels()}, {.rate = rate}); });
  };
  EXPECT_THAT(train_at(std::nullopt), HasSubstr("rate is missing"));
  EXPECT_THAT(train_at(std::numeric_limits<float>::quiet_NaN()), HasSubstr("nan"));
  EXPECT_THAT(train_at(-1), HasSubstr("-1"));
  EXPECT_THAT(all_values(session), ElementsAreArray(before));
}

TEST(Training, DoesNotCommitWhatOthersHaveStaged) {
  Session session = trained_session();
  const Images images(4, kSize);
  auto* running = session.state().running_statistics("bn1.running_mean");
  session.context().set_norm("bn1", {.update_running = true});
  session.run({images.image()});
  session.context().reset_norms();
  EXPECT_THAT(error_of([&] {
                session.train({images.image(), images.labels()}, {.rate = 0.1F});
              }),
              HasSubstr("earlier run staged"));
  EXPECT_EQ(running->staged(), 1);
  running->discard();
  EXPECT_TRUE(session.train({images.image(), images.labels()}, {.rate = 0.1F}).updated);
}

/// Two normalizations of two inputs with running statistics in common, of which the first is fused
/// with an activation behind the second.
struct SharedNorms {
  Graph graph{"shared"};
  TensorId mean = graph.add_buffer("bn.running_mean", {2});
  TensorId var = graph.add_buffer("bn.running_var", {2}, {.value = 1});
  TensorId a = graph.add_input("a", {GraphShape::kBatch, 2});
  TensorId b = graph.add_input("b", {GraphShape::kBatch, 2});
  TensorId scale = graph.add_parameter("scale", {2}, {.value = 1});

  ops::NormInputs of(TensorId x) const {
    return {.x = x, .running_mean = mean, .running_var = var};
  }
  void add_loss() {
    const TensorId first = ops::batch_norm(graph, "first", of(a));
    const TensorId second =
        ops::multiply(graph, "scaled", ops::batch_norm(graph, "second", of(b)), scale);
    const TensorId rectified = ops::activate(graph, "relu", first, ops::Function::kRelu);
    graph.add_output(ops::mean_squared_error(graph, "loss", rectified, second));
  }
};

TEST(SharedStatistics, AreCommittedInTheOrderOfTheModel) {
  SharedNorms shared;
  shared.add_loss();
  const std::vector<float> a = {1, 2, 3, 5};
  const std::vector<float> b = {-9, 8, 4, 7};
  std::vector<std::vector<float>> means;
  for (const std::vector<std::string>& skipped :
       {std::vector<std::string>{}, std::vector<std::string>{"fuse_norms"}}) {
    Session session(shared.graph, {.skip_passes = skipped, .optimizer = ops::SgdOptions{}});
    const StepResult step = session.train({{"a", {.data = a.data(), .shape = Shape{2, 2}}},
                                           {"b", {.data = b.data(), .shape = Shape{2, 2}}}},
                                          {.rate = 0.1F});
    ASSERT_TRUE(step.updated) << step.refusal;
    const auto mean = session.state().values("bn.running_mean");
    means.emplace_back(mean.begin(), mean.end());
  }
  // 0.9·(0.1·mean of a) + 0.1·mean of b
  EXPECT_FLOAT_EQ(means[0][0], 0.9F * 0.2F + 0.1F * -2.5F);
  EXPECT_THAT(means[0], ElementsAreArray(means[1]));
}

TEST(SharedStatistics, HaveToAgree) {
  SharedNorms pair;
  const TensorId other = pair.graph.add_buffer("other", {2});
  ops::batch_norm(pair.graph, "first", pair.of(pair.a));
  ops::batch_norm(pair.graph, "second",
                  {.x = pair.b, .running_mean = pair.mean, .running_var = other});
  EXPECT_THAT(error_of([&] { const State state(pair.graph); }), HasSubstr("but not both"));

  SharedNorms rules;
  ops::batch_norm(rules.graph, "first", rules.of(rules.a));
  ops::batch_norm(rules.graph, "second", rules.of(rules.b), {.rule = {.momentum = 0.5}});
  EXPECT_THAT(error_of([&] { const State state(rules.graph); }), HasSubstr("another rule"));

  SharedNorms given;
  ops::batch_norm(given.graph, "first",
                  {.x = given.a, .running_mean = given.scale, .running_var = given.var});
  EXPECT_THAT(error_of([&] { const State state(given.graph); }),
              HasSubstr("'scale' are no buffer"));
}

TEST(State, OfACheckpointGoesIntoAFreshSession) {
  Session trained = trained_session();
  const State& saved = trained.state();
  Session fresh(classifier(), {.optimizer = ops::SgdOptions{.momentum = 0.9}});
  fresh.state().load(saved.entries());
  const Images images(4, kSize, 3, 5);
  const auto norm = [&](Session& session) {
    return session.train({images.image(), images.labels()}, {.rate = 0.1F}).gradient_norm;
  };
  EXPECT_EQ(norm(fresh), norm(trained));
  EXPECT_THAT(all_values(fresh), ElementsAreArray(all_values(trained)));
}

TEST(State, OfSomebodyElseServesARun) {
  Session session = trained_session();
  State other(session.graph(), 77);
  const Images images(4, kSize);
  Session like_other(classifier(), {.seed = 77});
  const Results expected = like_other.run({images.image()});
  const Results results = session.run({images.image()}, {.state = &other});
  EXPECT_THAT(results.values("logits"), ElementsAreArray(expected.values("logits")));

  State smaller(classifier("resnet8", {.input_channels = 1}));
  EXPECT_THAT(error_of([&] { session.run({images.image()}, {.state = &smaller}); }),
              HasSubstr("'conv1.weight'"));
}

TEST(State, LoadIsAllOrNothing) {
  Session session = trained_session();
  const std::vector<float> before = all_values(session);
  const std::vector<float> values(16, 2.0F);
  const auto error_of = [&](std::vector<ConstStateView> source) -> std::string {
    try {
      session.state().load(source);
    } catch (const Error& error) {
      return error.what();
    }
    return "no error";
  };
  const ConstStateView good{"bn1.weight", std::span<const float>(values)};
  EXPECT_THAT(error_of({good, {"bn1.weigt", std::span<const float>(values)}}),
              HasSubstr("did you mean 'bn1.weight'"));
  EXPECT_THAT(error_of({good, good}), HasSubstr("twice"));
  EXPECT_THAT(error_of({good, {"bn1.bias", std::span<const float>(values).first(3)}}),
              HasSubstr("3 values for 'bn1.bias', which has 16"));
  EXPECT_THAT(
      error_of({good, {"bn1.num_batches_tracked", std::span<const float>(values).first(1)}}),
      HasSubstr("i64"));
  EXPECT_THAT(all_values(session), ElementsAreArray(before));
  EXPECT_EQ(error_of({good}), "no error");
  EXPECT_THAT(session.state().values("bn1.weight"), Each(2.0F));
}

}  // namespace
}  // namespace equipoise::testing
