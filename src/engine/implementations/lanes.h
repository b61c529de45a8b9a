#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace equipoise::engine {

/// Floats that are computed, compared and chosen together, and integers beside them: `kParts`
/// vectors that hold kCount in all. As types, since of plain loops with choices in them GCC 12
/// makes vectors at -O2 and none at -O3, where it unrolls or branches first.
template <int kCount>
struct Lanes {
  static_assert(kCount % 4 == 0);
  using Values [[gnu::vector_size(16)]] = float;
  using Places [[gnu::vector_size(16)]] = std::int32_t;
  using Words [[gnu::vector_size(16)]] = std::uint32_t;
  static constexpr int kParts = kCount / 4;
};
template <>
struct Lanes<1> {
  using Values = float;
  using Places = std::int32_t;
  using Words = std::uint32_t;
  static constexpr int kParts = 1;
};

/// The part-th vector from here on, wherever that is.
template <class Values>
Values load(const float* values, int part = 0) {
  Values loaded;
  const auto* bytes = reinterpret_cast<const std::byte*>(values);
  std::memcpy(&loaded, bytes + static_cast<std::size_t>(part) * sizeof(Values), sizeof(Values));
  return loaded;
}

}  // namespace equipoise::engine
