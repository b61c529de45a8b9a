/// Gradients of several batches, averaged for one update.

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "base/larger.h"
#include "engine/images.h"

namespace equipoise::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr ops::Pair kSize = {16, 16};
constexpr std::int64_t kAll = 12;
/// Micro-batches, of several sizes: each has a plan of its own.
const std::vector<std::int64_t> kParts = {5, 4, 3};

Session session_of(ModelNorm::Kind norm, const Optimizer& optimizer) {
  return Session(classifier("resnet8", {.norm = {.kind = norm}}), {.optimizer = optimizer});
}

/// The inputs of `count` samples from one on.
std::vector<Input> part_of(const Images& images, std::int64_t first, std::int64_t count) {
  std::vector<Input> inputs = {images.image(), images.labels()};
  for (Input& input : inputs) {
    ConstTensorView& view = input.value;
    const std::int64_t of_sample = view.shape.element_count() / view.shape[0];
    view.data = static_cast<const char*>(view.data) + first * of_sample * 4;
    view.shape = input.name == "image" ? Shape{count, view.shape[1], view.shape[2], view.shape[3]}
                                       : Shape{count};
  }
  return inputs;
}

StepResult train_in_parts(Session& session, const Images& images, float rate) {
  std::int64_t first = 0;
  for (const std::int64_t count : kParts) {
    const StepResult part = session.accumulate(part_of(images, first, count));
    EXPECT_FALSE(part.updated);
    EXPECT_EQ(part.refusal, "");
    first += count;
  }
  return session.update({.rate = rate});
}

/// Distance of all values after three steps, in parts and at once.
double distance(ModelNorm::Kind norm, const Optimizer& optimizer) {
  Session whole = session_of(norm, optimizer);
  Session parts = session_of(norm, optimizer);
  for (std::uint64_t step = 0; step < 3; ++step) {
    const Images images(kAll, kSize, 3, 10 + step);
    const StepResult at_once = whole.train({images.image(), images.labels()}, {.rate = 0.05F});
    const StepResult in_parts = train_in_parts(parts, images, 0.05F);
    EXPECT_TRUE(in_parts.updated) << in_parts.refusal;
    if (norm != ModelNorm::Kind::kBatch) {
      EXPECT_NEAR(in_parts.loss, at_once.loss, 1e-5 * at_once.loss);
      EXPECT_NEAR(in_parts.gradient_norm, at_once.gradient_norm, 1e-4 * at_once.gradient_norm);
    }
  }
  const std::vector<float> a = all_values(whole);
  const std::vector<float> b = all_values(parts);
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    largest = larger(largest, std::abs(a[i] - b[i]));
  }
  return largest;
}

TEST(Accumulation, IsTheStepOfAllSamplesWhereNoneSeesTheOthers) {
  for (const ModelNorm::Kind norm : {ModelNorm::Kind::kGroup, ModelNorm::Kind::kNone}) {
    EXPECT_LT(distance(norm, ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-3}), 2e-5);
  }
}

TEST(Accumulation, IsNotWithBatchStatistics) {
  EXPECT_GT(distance(ModelNorm::Kind::kBatch, ops::SgdOptions{.momentum = 0.9}), 1e-3);
}

TEST(Accumulation, IsOneUpdateThatAdamWCounts) {
  Session session = session_of(ModelNorm::Kind::kGroup, ops::AdamWOptions{});
  const Images images(kAll, kSize);
  for (int step = 0; step < 2; ++step) EXPECT_TRUE(train_in_parts(session, images, 1e-3F).updated);
  EXPECT_THAT(session.state().values("optimizer.step"), Each(2.0F));
}

TEST(Accumulation, StagesStatisticsInOrderAndCommitsThemTogether) {
  const Images images(kAll, kSize);
  Session parts = session_of(ModelNorm::Kind::kBatch, ops::SgdOptions{});
  auto* running = parts.state().running_statistics("layer1.0.bn1.running_mean");
  const std::vector<float> before(running->mean().begin(), running->mean().end());
  std::int64_t first = 0;
  for (const std::int64_t count : kParts) {
    parts.accumulate(part_of(images, first, count));
    first += count;
    EXPECT_THAT(running->mean(), ElementsAreArray(before));
  }
  EXPECT_EQ(running->staged(), 3);
  ASSERT_TRUE(parts.update({.rate = 0.0F}).updated);
  EXPECT_EQ(running->staged(), 0);
  EXPECT_EQ(running->num_batches_tracked(), 3);

  // A rate of 0 leaves parameters as they are: steps one by one see the same batches.
  Session one_by_one = session_of(ModelNorm::Kind::kBatch, ops::SgdOptions{});
  first = 0;
  for (const std::int64_t count : kParts) {
    one_by_one.train(part_of(images, first, count), {.rate = 0.0F});
    first += count;
  }
  EXPECT_THAT(all_values(parts), ElementsAreArray(all_values(one_by_one)));
}

TEST(Accumulation, OneRefusedBatchRefusesAll) {
  const auto fresh = [] {
    return session_of(ModelNorm::Kind::kBatch, ops::SgdOptions{.momentum = 0.9});
  };
  const Images good(kAll, kSize);
  Images bad(4, kSize);
  bad.pixels()[5] = std::numeric_limits<float>::quiet_NaN();
  Session session = fresh();
  const std::vector<float> before = all_values(session);
  EXPECT_EQ(session.accumulate(part_of(good, 0, 5)).refusal, "");
  const StepResult refused = session.accumulate({bad.image(), bad.labels()});
  EXPECT_EQ(refused.first_non_finite, "image");
  const std::uint64_t steps = session.steps();
  EXPECT_EQ(session.accumulate(part_of(good, 5, 4)).refusal, refused.refusal);
  EXPECT_EQ(session.steps(), steps);  // it did not run
  const StepResult step = session.update({.rate = 0.1F});
  EXPECT_FALSE(step.updated);
  EXPECT_EQ(step.refusal, refused.refusal);
  EXPECT_EQ(step.first_non_finite, "image");
  EXPECT_THAT(all_values(session), ElementsAreArray(before));

  // And what follows is as if it had not been.
  Session undisturbed = fresh();
  train_in_parts(session, good, 0.1F);
  train_in_parts(undisturbed, good, 0.1F);
  EXPECT_THAT(all_values(session), ElementsAreArray(all_values(undisturbed)));
}

TEST(Accumulation, DrawsOtherNumbersForEachBatch) {
  Session session(
      classifier("resnet8", {.norm = {.kind = ModelNorm::Kind::kGroup}, .dropout = 0.5}),
      {.optimizer = ops::SgdOptions{}});
  const Images images(4, kSize);
  const auto logits = [&] {
    const auto values =
        session.accumulate({images.image(), images.labels()}).results.values("logits");
    return std::vector<float>(values.begin(), values.end());
  };
  const std::vector<float> first = logits();
  EXPECT_NE(logits(), first);
  EXPECT_TRUE(session.update({.rate = 0.1F}).updated);
}

TEST(Accumulation, GivesBackTheMeanGradient) {
  const SessionOptions options{.gradients = {"conv1.weight"}};
  const Graph graph = classifier("resnet8", {.norm = {.kind = ModelNorm::Kind::kGroup}});
  Session whole(graph, options);
  Session parts(graph, options);
  const Images images(kAll, kSize);
  const auto expected =
      whole.train({images.image(), images.labels()}).results.values("conv1.weight.gradient");
  parts.accumulate(part_of(images, 0, 5));
  const auto mean = parts.accumulate(part_of(images, 5, 7)).results.values("conv1.weight.gradient");
  for (std::size_t i = 0; i < mean.size(); ++i) EXPECT_NEAR(mean[i], expected[i], 1e-6);
  EXPECT_FALSE(parts.update().updated);
}

TEST(Accumulation, LeavesNothingInTheState) {
  Session session = session_of(ModelNorm::Kind::kGroup, ops::SgdOptions{});
  const std::size_t entries = std::as_const(session).state().entries().size();
  train_in_parts(session, Images(kAll, kSize), 0.1F);
  EXPECT_EQ(std::as_const(session).state().entries().size(), entries);
}

TEST(Accumulation, IsDoneBeforeAnythingElseTrains) {
  Session session = session_of(ModelNorm::Kind::kBatch, ops::SgdOptions{});
  const Images images(4, kSize);
  const auto train = [&] { session.train({images.image(), images.labels()}, {.rate = 0.1F}); };
  EXPECT_THAT(error_of([&] { session.update({.rate = 0.1F}); }),
              HasSubstr("no gradients were accumulated"));
  session.accumulate({images.image(), images.labels()});
  EXPECT_THAT(error_of(train), HasSubstr("gradients of 4 samples are accumulated; call update"));
  session.discard_accumulated();
  EXPECT_EQ(error_of(train), "no error");
}

TEST(Accumulation, ForgetsAllBehindAnError) {
  // Images of 4 × 4 have one value per channel and sample in the last stage.
  constexpr ops::Pair kTiny = {4, 4};
  Session session(classifier("resnet8", {.input_size = kTiny}), {.optimizer = ops::SgdOptions{}});
  const Images several(4, kTiny);
  const Images one(1, kTiny);
  const std::vector<float> before = all_values(session);
  session.accumulate({several.image(), several.labels()});
  EXPECT_THAT(error_of([&] {
                session.accumulate({one.image(), one.labels()});
              }),
              HasSubstr("layer3"));
  EXPECT_EQ(session.state().running_statistics("bn1.running_mean")->staged(), 0);
  EXPECT_THAT(error_of([&] { session.update({.rate = 0.1F}); }),
              HasSubstr("no gradients were accumulated"));
  EXPECT_THAT(all_values(session), ElementsAreArray(before));
}

}  // namespace
}  // namespace equipoise::testing
