/// A session keeps some plans, and memory for no others.

#include <cstddef>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error_of.h"
#include "engine/images.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAreArray;
using ::testing::HasSubstr;

constexpr ops::Pair kSize = {64, 64};

Session session_that_keeps(std::int64_t plans) {
  return Session(classifier("resnet8", {.input_size = kSize}),
                 {.optimizer = ops::SgdOptions{.momentum = 0.9}, .plans = plans});
}

void run(Session& session, std::int64_t batch, Context* context = nullptr) {
  session.run({Images(batch, kSize).image()}, {.context = context});
}

std::size_t needed(std::int64_t batch) {
  Session session = session_that_keeps(1);
  run(session, batch);
  return session.context().capacity();
}

TEST(PlanCache, TheContextGivesBackWhatOnlyAPlanNeededThatIsKeptNoLonger) {
  Session session = session_that_keeps(2);
  run(session, 16);
  run(session, 2);
  EXPECT_EQ(session.context().capacity(), needed(16));
  run(session, 1);
  EXPECT_EQ(session.context().capacity(), needed(2));
  run(session, 1);
  EXPECT_EQ(session.context().capacity(), needed(2));
}

TEST(PlanCache, TheLeastRecentlyUsedMakesRoom) {
  Session session = session_that_keeps(2);
  run(session, 16);
  run(session, 2);
  run(session, 16);
  run(session, 1);
  EXPECT_EQ(session.context().capacity(), needed(16));
  run(session, 1);
  run(session, 2);
  EXPECT_EQ(session.context().capacity(), needed(2));
}

TEST(PlanCache, OtherContextsFollowAtTheirNextRun) {
  Session session = session_that_keeps(1);
  Context other;
  run(session, 16, &other);
  run(session, 1);
  EXPECT_EQ(other.capacity(), needed(16));
  run(session, 1, &other);
  EXPECT_EQ(other.capacity(), needed(1));
}

TEST(PlanCache, PlansThatAreMadeAgainTrainAsThoseThatWereKept) {
  const auto trained = [](std::int64_t plans) {
    Session session = session_that_keeps(plans);
    for (int step = 0; step < 3; ++step) {
      for (const std::int64_t batch : {4, 3}) {
        const Images images(batch, kSize);
        EXPECT_TRUE(session.train({images.image(), images.labels()}, {.rate = 0.1F}).updated);
        run(session, batch);
      }
    }
    return all_values(session);
  };
  EXPECT_THAT(trained(1), ElementsAreArray(trained(16)));
}

TEST(PlanCache, KeepsSixteenUnlessToldOtherwise) {
  Session session(classifier("resnet8", {.input_size = kSize}));
  run(session, 40);
  const std::size_t largest = session.context().capacity();
  for (std::int64_t batch = 1; batch < 16; ++batch) run(session, batch);
  EXPECT_EQ(session.context().capacity(), largest);
  run(session, 16);
  EXPECT_LT(session.context().capacity(), largest);
}

TEST(PlanCache, ThatKeepsNoneIsAnError) {
  EXPECT_THAT(error_of([] { session_that_keeps(0); }), HasSubstr("SessionOptions::plans"));
}

}  // namespace
}  // namespace equipoise::testing
