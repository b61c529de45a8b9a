#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::ThrowsMessage;

TEST(SimdTarget, ForcedOneIsTheActiveOne) {
  const std::vector<std::string> targets = simd_targets();
  ASSERT_FALSE(targets.empty());
  for (const std::string& target : targets) {
    force_simd_target(target);
    EXPECT_EQ(simd_target(), target);
  }
  force_simd_target("");
  EXPECT_EQ(simd_target(), targets.front());
}

TEST(SimdTarget, UnknownOneIsAnErrorThatListsThose) {
  EXPECT_THAT([] { force_simd_target("MMX"); },
              ThrowsMessage<Error>(HasSubstr(simd_targets().front())));
  EXPECT_EQ(simd_target(), simd_targets().front());
}

}  // namespace
}  // namespace equipoise::testing
