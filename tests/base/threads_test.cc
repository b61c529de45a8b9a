#include <gmock/gmock.h>

#include "base/error_of.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

TEST(Threads, OfACallAreOneTo1024) {
  const int before = num_threads();
  for (const int threads : {0, -1, 1025, 100000}) {
    EXPECT_THAT(error_of([&] { set_num_threads(threads); }), HasSubstr("there can be 1 to 1024"));
    EXPECT_EQ(num_threads(), before);
  }
  set_num_threads(1024);
  EXPECT_EQ(num_threads(), 1024);
  set_num_threads(before);
}

}  // namespace
}  // namespace equipoise::testing
