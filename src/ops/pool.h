#pragma once

#include <cstdint>
#include <vector>

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// (N, C, H′, W′) of pooling x (N, C, H, W). Throws Error for options out of range; padding has to
/// be smaller than the kernel, so that no window lies outside of x.
GraphShape pool_output(const GraphShape& x, const ops::PoolOptions& options);

/// Those that differ from their defaults; kernel and stride always.
std::vector<Attribute> pool_attributes(const ops::PoolOptions& options);

/// Rows top … bottom − 1 and columns left … right − 1 of x: what one window sees of it.
struct PoolField {
  std::int64_t top, left, bottom, right;
};
PoolField pool_field(const ops::PoolOptions& options, const Shape& x, std::int64_t h,
                     std::int64_t w);

}  // namespace equipoise
