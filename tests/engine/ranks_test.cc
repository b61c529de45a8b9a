/// Sessions of several ranks decide alike, and none waits for one that has failed.

#include <cstdint>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"
#include "equipoise/operations.h"
#include "equipoise/session.h"
#include "norm/simulated_ranks.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr std::int64_t kSamples = 4;
constexpr std::int64_t kFeatures = 3;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();

/// Tokens → embedding → batch normalization, synchronized or not → classes.
Graph classifier_of_tokens(bool synchronized) {
  Graph graph("tokens");
  const Initialization random{.kind = Initialization::Kind::kNormal, .value = 1};
  const TensorId tokens = graph.add_input("tokens", {GraphShape::kBatch}, DType::kI32);
  TensorId x = ops::embedding(graph, "embedding", tokens,
                              graph.add_parameter("table", {8, kFeatures}, random));
  x = ops::multiply(graph, "scaled", x, graph.add_input("scale", {GraphShape::kBatch, kFeatures}));
  x = ops::batch_norm(
      graph, "bn",
      {.x = x,
       .running_mean = graph.add_buffer("bn.running_mean", {kFeatures}),
       .running_var = graph.add_buffer("bn.running_var", {kFeatures}, {.value = 1})},
      {.synchronized = synchronized});
  const TensorId labels = graph.add_input("labels", {GraphShape::kBatch}, DType::kI32);
  graph.add_output(ops::cross_entropy(graph, "loss", x, labels));
  return graph;
}

struct Batch {
  std::vector<std::int32_t> tokens = {0, 3, 5, 7};
  std::vector<std::int32_t> labels = {0, 1, 2, 0};
  std::vector<float> scale = std::vector<float>(kSamples * kFeatures, 1.0F);

  std::vector<Input> inputs() const {
    const Shape samples{kSamples};
    return {{"tokens", {.data = tokens.data(), .shape = samples, .dtype = DType::kI32}},
            {"scale", {.data = scale.data(), .shape = Shape{kSamples, kFeatures}}},
            {"labels", {.data = labels.data(), .shape = samples, .dtype = DType::kI32}}};
  }
  StepResult train(Session& session) const { return session.train(inputs(), {.rate = 0.1F}); }
};

/// Calls `test(rank, session)` on each of three ranks.
template <class Test>
void on_three_ranks(bool synchronized, const Test& test) {
  SimulatedRanks(3).run([&](int rank, Communicator& communicator) {
    Session session(classifier_of_tokens(synchronized),
                    {.optimizer = ops::SgdOptions{}, .communicator = &communicator});
    test(rank, session);
  });
}

class Ranks : public ::testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Synchronized, Ranks, ::testing::Bool());

TEST_P(Ranks, TheGateIsShutOnAllByABatchOfOne) {
  on_three_ranks(GetParam(), [](int rank, Session& session) {
    Batch batch;
    EXPECT_TRUE(batch.train(session).updated);
    const std::vector<float> before = all_values(session);
    if (rank == 1) batch.scale[2] = kNaN;
    const StepResult step = batch.train(session);
    EXPECT_FALSE(step.updated);
    EXPECT_THAT(step.refusal, HasSubstr("rank 1: the loss is "));
    EXPECT_THAT(all_values(session), ElementsAreArray(before));
    const StepResult next = Batch().train(session);
    EXPECT_TRUE(next.updated) << next.refusal;
  });
}

TEST_P(Ranks, AllReadTheSameRefusal) {
  std::vector<std::string> refusals(3);
  on_three_ranks(GetParam(), [&](int rank, Session& session) {
    Batch batch;
    if (rank != 1) batch.scale[2] = kNaN;
    refusals[static_cast<std::size_t>(rank)] = batch.train(session).refusal;
  });
  EXPECT_THAT(refusals[0], HasSubstr("rank 0: "));
  EXPECT_THAT(refusals[0], HasSubstr("; rank 2: "));
  EXPECT_EQ(refusals[1], refusals[0]);
  EXPECT_EQ(refusals[2], refusals[0]);
}

/// What rank 1 has wrong: found before anything runs, before the exchange of the normalization,
/// and between that and the one of its gradient.
struct Mistake {
  const char* text;
  void (*make)(Batch&);
};
constexpr Mistake kMistakes[] = {
    {"input 'labels'", [](Batch& batch) { std::vector<std::int32_t>().swap(batch.labels); }},
    {"node 'embedding'", [](Batch& batch) { batch.tokens[1] = 99; }},
    {"node 'loss'", [](Batch& batch) { batch.labels[3] = 99; }},
};

TEST_P(Ranks, NoneWaitsForOneThatFails) {
  for (const Mistake& mistake : kMistakes) {
    on_three_ranks(GetParam(), [&](int rank, Session& session) {
      Batch batch;
      EXPECT_TRUE(batch.train(session).updated);
      const std::vector<float> before = all_values(session);
      if (rank == 1) mistake.make(batch);
      const std::string error = error_of([&] { batch.train(session); });
      EXPECT_THAT(error, HasSubstr(mistake.text));
      EXPECT_EQ(error.find("another rank has failed: rank 1: ") == std::string::npos, rank == 1)
          << error;
      EXPECT_THAT(all_values(session), ElementsAreArray(before));
      const StepResult next = Batch().train(session);
      EXPECT_TRUE(next.updated) << next.refusal;
    });
  }
}

TEST_P(Ranks, AllForgetWhatIsAccumulatedIfOneFails) {
  for (const Mistake& mistake : kMistakes) {
    on_three_ranks(GetParam(), [&](int rank, Session& session) {
      session.accumulate(Batch().inputs());
      Batch batch;
      if (rank == 1) mistake.make(batch);
      EXPECT_THAT(error_of([&] { session.accumulate(batch.inputs()); }), HasSubstr(mistake.text));
      EXPECT_EQ(session.state().running_statistics("bn.running_mean")->staged(), 0);
      EXPECT_THAT(error_of([&] { session.update({.rate = 0.1F}); }),
                  HasSubstr("no gradients were accumulated"));
    });
  }
}

}  // namespace
}  // namespace equipoise::testing
