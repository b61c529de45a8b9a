#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <utility>

#include "base/random.h"

namespace equipoise::data {

/// In [0, count), count < 2³²: ⌊word · count / 2⁶⁴⌋.
constexpr std::uint64_t below(std::uint64_t count, const PhiloxWords& words) {
  return (words[0] * count + (words[1] * count >> 32U)) >> 32U;
}

/// Puts values into an order that depends on the key alone (Fisher and Yates).
inline void shuffle(std::span<std::int64_t> values, std::uint64_t key) {
  for (std::size_t i = values.size(); i > 1; --i) {
    std::swap(values[i - 1], values[below(i, philox(key, i))]);
  }
}

}  // namespace equipoise::data
