#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/train.h"

namespace equipoise::testing {
namespace {

TEST(Schedule, RisesInEqualStepsToTheRate) {
  const Schedule schedule{.rate = 0.8, .decay = Decay::kConstant, .warmup_steps = 3};
  EXPECT_DOUBLE_EQ(rate_at(schedule, 0), 0.2);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 1), 0.4);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 2), 0.6);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 3), 0.8);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 1'000'000), 0.8);
}

TEST(Schedule, OfCosineGoesHalfwayAtHalfTime) {
  const Schedule schedule{
      .rate = 1, .decay = Decay::kCosine, .warmup_steps = 10, .steps = 110, .final_rate = 0.2};
  EXPECT_DOUBLE_EQ(rate_at(schedule, 10), 1);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 60), 0.6);
  // cos(π/4) = 1/√2
  EXPECT_NEAR(rate_at(schedule, 35), 0.2 + 0.8 * (1 + std::sqrt(0.5)) / 2, 1e-12);
  // The last step is just above the end: with u = π/200, 1 + cos(π − 2u) = 2 sin²(u).
  EXPECT_NEAR(rate_at(schedule, 109), 0.2 + 0.8 * std::pow(std::sin(std::acos(-1) / 200), 2),
              1e-12);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 110), 0.2);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 500), 0.2);
}

TEST(Schedule, OfStepsIsMultipliedAtEachMilestone) {
  const Schedule schedule{
      .rate = 1, .decay = Decay::kStep, .milestones = {10, 20, 20}, .factor = 0.5};
  EXPECT_DOUBLE_EQ(rate_at(schedule, 9), 1);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 10), 0.5);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 19), 0.5);
  EXPECT_DOUBLE_EQ(rate_at(schedule, 20), 0.125);
}

TEST(Schedule, OfNumbersOutOfRangeIsAnError) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  for (const Schedule& schedule :
       {Schedule{.rate = -1}, Schedule{.rate = nan}, Schedule{.final_rate = -0.1},
        Schedule{.warmup_steps = -1}, Schedule{.warmup_steps = 5, .steps = 5},
        Schedule{.decay = Decay::kStep, .milestones = {2, 1}}, Schedule{.factor = nan}}) {
    EXPECT_THROW((void)rate_at(schedule, 0), Error);
  }
}

}  // namespace
}  // namespace equipoise::testing
