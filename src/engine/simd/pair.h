#pragma once

#include "engine/nest.h"

namespace equipoise::engine {

enum class PairOperation : std::uint8_t { kAdd, kMultiply };

/// y = a + b or a·b in a tile of the nest of y, a and b. Repeated operands have strides of 0. y may
/// be a or b.
void pair(PairOperation operation, const Nest& nest, const Tile& tile, float* y, const float* a,
          const float* b);

/// y = a + b, for `count` elements. y may be a or b.
void add(const float* a, const float* b, float* y, std::int64_t count);

}  // namespace equipoise::engine
