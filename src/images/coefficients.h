#pragma once

#include <cstdint>
#include <vector>

#include "equipoise/image.h"

namespace equipoise::images {

/// Fixed point of the coefficients: 8 bits of a pixel and 2 of overshoot are left of 32.
inline constexpr int kPrecisionBits = 32 - 8 - 2;

/// How each element of a resized row is made of neighbours in the source:
/// y[i] = clip(2^-22 · (2^21 + Σ_t c[i][t]·x[first[i] + t])).
struct Coefficients {
  struct Taps {
    std::int32_t first = 0;
    std::int32_t count = 0;
    const std::int32_t* values = nullptr;
  };

  std::vector<std::int32_t> first;
  std::vector<std::int32_t> count;
  /// `stride` of each element.
  std::vector<std::int32_t> values;
  std::int32_t stride = 0;

  std::int32_t size() const { return static_cast<std::int32_t>(first.size()); }
  Taps operator[](std::int32_t i) const {
    const auto at = static_cast<std::size_t>(i);
    return {first[at], count[at], values.data() + at * static_cast<std::size_t>(stride)};
  }
  /// What is read of the source: from the first element's first tap to the last one's last.
  std::int32_t begin() const { return first.front(); }
  std::int32_t end() const { return first.back() + count.back(); }
};

/// Elements `begin` to `end` of a row that has `size` when it is made of [from, to) of a source of
/// `source_size`.
struct Axis {
  std::int32_t source_size = 0;
  float from = 0;
  float to = 0;
  std::int32_t size = 0;
  std::int32_t begin = 0;
  std::int32_t end = 0;

  /// Whether every element is one of the source.
  bool copies() const {
    return from == 0 && to == static_cast<float>(source_size) && size == source_size;
  }
};
Coefficients make_coefficients(const Axis& axis, Interpolation interpolation);

}  // namespace equipoise::images
