#pragma once

#include <cstdint>
#include <vector>

#include "equipoise/tensor.h"

namespace equipoise {

/// A tensor in f64, row-major. Indices are stored as numbers too.
struct Array {
  Shape shape = {};
  std::vector<double> values = {};

  Array() = default;
  explicit Array(const Shape& s) : shape(s), values(static_cast<std::size_t>(s.element_count())) {}

  std::int64_t size() const { return static_cast<std::int64_t>(values.size()); }
  double& operator[](std::int64_t i) { return values[static_cast<std::size_t>(i)]; }
  double operator[](std::int64_t i) const { return values[static_cast<std::size_t>(i)]; }
};

}  // namespace equipoise
