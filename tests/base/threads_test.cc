#include <atomic>
#include <cstdint>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>

#include "base/error_of.h"
#include "base/parallel.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {
namespace {

using ::testing::Each;
using ::testing::Eq;
using ::testing::HasSubstr;

TEST(Threads, RunEachTaskOnce) {
  for (const int threads : {1, 2, 3, 8, 40}) {
    for (const std::int64_t tasks : {0, 1, 31, 32, 33, 63, 64, 65, 96, 1000}) {
      SCOPED_TRACE(fmt::format("{} tasks, {} threads", tasks, threads));
      std::vector<std::atomic<int>> times(static_cast<std::size_t>(tasks));
      std::atomic<bool> is_one_of_them = true;
      parallel_for(tasks, threads, [&](std::int64_t i, int thread) {
        ++times[static_cast<std::size_t>(i)];
        if (thread < 0 || thread >= threads) is_one_of_them = false;
      });
      EXPECT_TRUE(is_one_of_them);
      EXPECT_THAT(times, Each(Eq(1)));
    }
  }
}

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
