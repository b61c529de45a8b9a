#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace equipoise {

/// The key of a stream of random numbers, from its name (FNV-1a).
constexpr std::uint64_t name_key(std::string_view name) {
  std::uint64_t hash = 0xCBF29CE484222325U;
  for (const char c : name) {
    hash ^= static_cast<unsigned char>(c);
    hash *= 0x100000001B3U;
  }
  return hash;
}

using PhiloxWords = std::array<std::uint32_t, 4>;

/// Four independent random words for each (key, counter): Philox4x32-10 (Salmon et al. 2011). No
/// state, so element i is the same whoever computes it, in whatever order.
constexpr PhiloxWords philox(std::uint64_t key, PhiloxWords x) {
  auto k0 = static_cast<std::uint32_t>(key);
  auto k1 = static_cast<std::uint32_t>(key >> 32U);
  for (int round = 0; round < 10; ++round) {
    const std::uint64_t a = std::uint64_t{0xD2511F53U} * x[0];
    const std::uint64_t b = std::uint64_t{0xCD9E8D57U} * x[2];
    x = {static_cast<std::uint32_t>(b >> 32U) ^ x[1] ^ k0, static_cast<std::uint32_t>(b),
         static_cast<std::uint32_t>(a >> 32U) ^ x[3] ^ k1, static_cast<std::uint32_t>(a)};
    k0 += 0x9E3779B9U;
    k1 += 0xBB67AE85U;
  }
  return x;
}

constexpr PhiloxWords philox(std::uint64_t key, std::uint64_t counter) {
  return philox(
      key, {static_cast<std::uint32_t>(counter), static_cast<std::uint32_t>(counter >> 32U), 0, 0});
}

/// In [0, 1), a multiple of 2⁻²⁴.
constexpr float uniform(std::uint32_t word) { return static_cast<float>(word >> 8U) * 0x1p-24F; }

/// Uniform number `i` of the stream `key`.
constexpr float uniform(std::uint64_t key, std::uint64_t i) {
  return uniform(philox(key, i / 4)[i % 4]);
}

/// The key of a training step's random operations.
constexpr std::uint64_t step_key(std::uint64_t seed, std::uint64_t step) {
  const auto words = philox(seed, step);
  return std::uint64_t{words[0]} << 32U | words[1];
}

}  // namespace equipoise
