// Thousands of random configurations: what pairs of settings do not show.

#include <random>

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/random_case.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

void sweep(std::uint64_t first_seed, int count) {
  for_each_target([&] {
    for (int i = 0; i < count; ++i) {
      const std::uint64_t seed = first_seed + static_cast<std::uint64_t>(i);
      std::mt19937_64 random(seed);
      std::vector<int> levels = factor_levels();
      for (int& level : levels) {
        level = static_cast<int>(random() % static_cast<std::uint64_t>(level));
      }
      const SmallCaches several_units_and_threads(std::int64_t{1} << (seed % 16 == 0 ? 10 : 20));
      expect_matches_reference(case_of_levels(levels, seed));
      if (::testing::Test::HasFailure()) return;  // one configuration says enough
    }
  });
}

TEST(Sweep, RandomConfigurationsMatchTheReference) { sweep(1'000'000, 6000); }

TEST(Sweep, MoreRandomConfigurationsMatchTheReference) { sweep(2'000'000, 6000); }

}  // namespace
}  // namespace equipoise::testing
