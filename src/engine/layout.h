#pragma once

#include <cstdint>

#include "equipoise/tensor.h"

namespace equipoise::engine {

/// Channels that lie together, 1 where they do not.
constexpr std::int64_t block_of(Layout layout) {
  return layout == Layout::kBlocked8 ? 8 : layout == Layout::kBlocked16 ? 16 : 1;
}

/// Whether the last block of channels has lanes that belong to none.
bool has_padding(const Shape& shape, Layout layout);

/// Whether the elements lie in row-major order all the same: (N, C, 1, 1) in channels_last.
bool is_row_major(const Shape& shape, Layout layout);

/// Makes the padding zero, as every reader of a blocked layout relies on.
void zero_padding(float* data, const Shape& shape, Layout layout, int threads);

}  // namespace equipoise::engine
