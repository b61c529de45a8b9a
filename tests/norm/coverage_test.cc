// Every two settings of a call together, on every instruction set.

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/pairwise.h"
#include "norm/random_case.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

TEST(Coverage, EveryPairOfSettingsMatchesTheReference) {
  const auto rows = pairwise_rows(factor_levels(), 7);
  for_each_target([&] {
    std::uint64_t seed = 1;
    for (const auto& row : rows) {
      const SmallCaches several_units_and_threads(std::int64_t{1} << (seed % 2 == 0 ? 10 : 20));
      expect_matches_reference(case_of_levels(row, seed++));
    }
  });
}

}  // namespace
}  // namespace equipoise::testing
