#pragma once

#include <cstddef>
#include <cstdint>
#include <random>
#include <set>
#include <tuple>
#include <vector>

namespace equipoise::testing {

/// Rows of one level per factor, such that every two levels of every two factors occur together in
/// some row; greedy, the same rows for the same seed. `levels[f]` is the number of levels of factor
/// f.
inline std::vector<std::vector<int>> pairwise_rows(const std::vector<int>& levels,
                                                   std::uint64_t seed) {
  using Pair = std::tuple<std::size_t, int, std::size_t, int>;
  constexpr int kCandidates = 12;
  std::mt19937_64 random(seed);
  std::set<Pair> uncovered;
  for (std::size_t f = 0; f < levels.size(); ++f) {
    for (std::size_t g = f + 1; g < levels.size(); ++g) {
      for (int a = 0; a < levels[f]; ++a) {
        for (int b = 0; b < levels[g]; ++b) uncovered.emplace(f, a, g, b);
      }
    }
  }

  std::vector<std::vector<int>> rows;
  while (!uncovered.empty()) {
    std::vector<int> best;
    std::size_t best_gain = 0;
    for (int candidate = 0; candidate < kCandidates; ++candidate) {
      // One pair that is still missing, the rest by chance.
      std::vector<int> row;
      for (const int count : levels) {
        row.push_back(static_cast<int>(random() % static_cast<std::uint64_t>(count)));
      }
      const auto& [f, a, g, b] = *uncovered.begin();
      row[f] = a;
      row[g] = b;
      std::size_t gain = 0;
      for (std::size_t i = 0; i < row.size(); ++i) {
        for (std::size_t j = i + 1; j < row.size(); ++j)
          gain += uncovered.count({i, row[i], j, row[j]});
      }
      if (gain > best_gain) {
        best = row;
        best_gain = gain;
      }
    }
    for (std::size_t i = 0; i < best.size(); ++i) {
      for (std::size_t j = i + 1; j < best.size(); ++j) uncovered.erase({i, best[i], j, best[j]});
    }
    rows.push_back(best);
  }
  return rows;
}

}  // namespace equipoise::testing
