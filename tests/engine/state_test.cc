/// Parameters live in the form that convolutions want; nobody outside may notice.

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/images.h"

namespace equipoise::testing {
namespace {

using ::testing::Each;
using ::testing::ElementsAreArray;
using ::testing::Not;

constexpr const char* kWeight = "layer2.0.conv1.weight";

class StateInUse : public ::testing::Test {
 protected:
  static Session session(SessionOptions options = {}) {
    options.optimizer = ops::SgdOptions{.momentum = 0.9, .weight_decay = 1e-3};
    return Session(classifier("resnet8"), options);
  }
  void train(Session& session) {
    ASSERT_TRUE(session.train({images_.image(), images_.labels()}, {.rate = 0.1F}).updated);
  }

  const Images images_{4, {16, 16}};
};

TEST_F(StateInUse, IsRowMajorForWhoeverLooks) {
  Session blocked = session();
  Session plain = session({.skip_passes = {"choose_layouts"}});
  train(blocked);
  train(plain);
  for (const char* name : {kWeight, "layer2.0.conv1.weight.momentum", "fc.weight"}) {
    const std::span<const float> expected = plain.state().values(name);
    EXPECT_THAT(blocked.state().values(name),
                ::testing::Pointwise(::testing::FloatNear(1e-4F), expected))
        << name;
  }
}

TEST_F(StateInUse, ToLookChangesNothing) {
  Session looked_at = session();
  Session left_alone = session();
  for (int step = 0; step < 3; ++step) {
    train(looked_at);
    train(left_alone);
    (void)all_values(looked_at);
  }
  EXPECT_THAT(all_values(looked_at), ElementsAreArray(all_values(left_alone)));
}

TEST_F(StateInUse, ASpanIsOfTheValuesAsTheyWereGiven) {
  Session used = session();
  const std::span<const float> before = std::as_const(used).state().values(kWeight);
  const std::vector<float> initial(before.begin(), before.end());
  train(used);
  // The address stays good, and shows the values again once they are asked for.
  EXPECT_EQ(used.state().values(kWeight).data(), before.data());
  EXPECT_THAT(before, Not(ElementsAreArray(initial)));
}

TEST_F(StateInUse, WhatIsWrittenIsWhatTheNextRunReads) {
  Session used = session();
  train(used);
  for (const char* name : {kWeight, "layer2.0.conv1.weight.momentum"}) {
    std::ranges::fill(used.state().values(name), 0.0F);
  }
  used.context().set_norm("layer2.0.bn1", {.collect_moments = true});
  const Results results = used.run({images_.image()});
  for (const Moments& moments : results.moments("layer2.0.bn1")) EXPECT_EQ(moments.m2, 0);
  EXPECT_THAT(std::as_const(used).state().values(kWeight), Each(0.0F));
}

TEST_F(StateInUse, ALoadReplacesItWhateverFormItIsIn) {
  Session source = session({.seed = 5});
  Session target = session({.seed = 6});
  train(source);
  train(target);
  target.state().load(std::as_const(source).state().entries());
  EXPECT_THAT(all_values(target), ElementsAreArray(all_values(source)));
  train(source);
  train(target);
  EXPECT_THAT(all_values(target), ElementsAreArray(all_values(source)));
}

TEST_F(StateInUse, ServesPlansOfSeveralBatchSizesAndLayouts) {
  Session used = session();
  const Images rest(3, {16, 16});
  train(used);
  const Results before = used.run({rest.image()});
  const auto values = before.values("logits");
  const std::vector<float> expected(values.begin(), values.end());
  Session other(classifier("resnet8"), {.layout = Layout::kChannelsFirst});
  const Results results = other.run({rest.image()}, {.state = &used.state()});
  EXPECT_THAT(results.values("logits"),
              ::testing::Pointwise(::testing::FloatNear(1e-4F), expected));
  const Results again = used.run({rest.image()});
  EXPECT_THAT(again.values("logits"), ElementsAreArray(expected));
}

}  // namespace
}  // namespace equipoise::testing
