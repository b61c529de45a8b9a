#pragma once

#include <cstdint>

namespace equipoise {

/// ⌈a/b⌉ for a ≥ 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}
static_assert(ceil_div(8, 4) == 2 && ceil_div(9, 4) == 3 && ceil_div(5, INT64_MAX) == 1);

}  // namespace equipoise
