#pragma once

#include <cstdint>
#include <string>

#include <gtest/gtest.h>

#include "base/cache.h"
#include "equipoise/runtime.h"

namespace equipoise::testing {

/// Leaves the best instruction set and the number of threads as they were.
class RuntimeGuard {
 public:
  RuntimeGuard() = default;
  RuntimeGuard(const RuntimeGuard&) = delete;
  RuntimeGuard& operator=(const RuntimeGuard&) = delete;
  ~RuntimeGuard() {
    force_simd_target("");
    set_num_threads(threads_);
  }

 private:
  int threads_ = num_threads();
};

/// Caches are said to be small, so that small tensors go the ways of large ones: in several units,
/// streamed, by several threads.
class SmallCaches {
 public:
  explicit SmallCaches(std::int64_t level2 = 8 << 10) {
    set_cache_sizes({.level2 = level2, .last_level = 8 * level2});
  }
  ~SmallCaches() { set_cache_sizes(real_); }
  SmallCaches(const SmallCaches&) = delete;
  SmallCaches& operator=(const SmallCaches&) = delete;

 private:
  CacheSizes real_ = cache_sizes();
};

/// Runs the test on every instruction set of this machine.
template <class Test>
void for_each_target(const Test& test) {
  const RuntimeGuard guard;
  const auto targets = simd_targets();
  ASSERT_FALSE(targets.empty());
  for (const std::string& target : targets) {
    force_simd_target(target);
    test();
  }
}

}  // namespace equipoise::testing
