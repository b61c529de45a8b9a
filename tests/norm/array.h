#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equipoise::reference {

/// A logical activation (N, C, S) in f64, row-major; how a kernel stores it is not its business.
struct Array {
  std::int64_t samples = 0;
  std::int64_t channels = 0;
  std::int64_t positions = 0;
  std::vector<double> values;

  Array() = default;
  Array(std::int64_t n, std::int64_t c, std::int64_t s)
      : samples(n), channels(c), positions(s), values(static_cast<std::size_t>(n * c * s)) {}

  static Array like(const Array& other) {
    return Array(other.samples, other.channels, other.positions);
  }

  std::int64_t size() const { return samples * channels * positions; }
  bool empty() const { return values.empty(); }

  std::int64_t index(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return (n * channels + c) * positions + s;
  }
  double& operator()(std::int64_t n, std::int64_t c, std::int64_t s) {
    return values[static_cast<std::size_t>(index(n, c, s))];
  }
  double operator()(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return values[static_cast<std::size_t>(index(n, c, s))];
  }
  double& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
};

}  // namespace equipoise::reference
