#pragma once

#include <concepts>
#include <cstdint>
#include <type_traits>

namespace equipoise {

/// ⌈a/b⌉ for a ≥ 0, b > 0.
constexpr std::int64_t ceil_div(std::int64_t a, std::int64_t b) {
  return a / b + (a % b != 0 ? 1 : 0);
}
static_assert(ceil_div(8, 4) == 2 && ceil_div(9, 4) == 3 && ceil_div(5, INT64_MAX) == 1);

/// The smallest multiple of unit > 0 that is at least a ≥ 0, where a + unit − 1 does not overflow.
template <std::integral T>
constexpr T round_up(T a, std::type_identity_t<T> unit) {
  return (a + unit - 1) / unit * unit;
}
static_assert(round_up(0, 16) == 0 && round_up(16, 16) == 16 && round_up(17, 16) == 32);

}  // namespace equipoise
