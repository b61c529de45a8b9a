#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "equipoise/tensor.h"

namespace equipoise {

/// One number per dimension; those beyond the rank are 0.
using Index = std::array<std::int64_t, Shape::kMaxRank>;

/// Calls visit(index, place) for every element, in row-major order.
template <typename Visit>
void for_each_index(const Shape& shape, Visit visit) {
  Index index = {};
  const std::int64_t count = shape.element_count();
  for (std::int64_t place = 0; place < count; ++place) {
    visit(index, place);
    for (int d = shape.rank() - 1; d >= 0; --d) {
      std::int64_t& i = index[static_cast<std::size_t>(d)];
      if (++i < shape[d]) break;
      i = 0;
    }
  }
}

/// The place of an element in row-major order.
inline std::int64_t place_of(const Index& index, const Shape& shape) {
  std::int64_t place = 0;
  for (int d = 0; d < shape.rank(); ++d) {
    place = place * shape[d] + index[static_cast<std::size_t>(d)];
  }
  return place;
}

}  // namespace equipoise
