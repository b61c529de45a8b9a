#pragma once

#include <vector>

#include "norm/norm_case.h"

namespace equipoise::testing {

/// Every factor that a call has and its levels; a case is one level of each.
std::vector<int> factor_levels();
/// Levels that exclude each other (a mask with layer normalization, a group count that does not
/// divide C) are replaced by the nearest that fit.
Case case_of_levels(const std::vector<int>& levels, std::uint64_t seed);

}  // namespace equipoise::testing
