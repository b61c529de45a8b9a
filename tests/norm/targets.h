#pragma once

#include <string>

#include <gtest/gtest.h>

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
