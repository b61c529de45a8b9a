#include "norm/output.h"

#include <cstring>

#include "base/cache.h"

namespace equipoise::norm {

bool streams(const TensorView& out, const ConstTensorView& in) {
  if (!out || out.data == in.data) return false;
  const std::int64_t bytes =
      storage_elements(out.shape, out.layout) * static_cast<std::int64_t>(size_of(out.dtype));
  return bytes > cache_sizes().level2;
}

void zero_padding(const Walk& walk, const TileRange& tile, std::int64_t l, void* data,
                  DType dtype) {
  const std::int64_t channels = walk.channels_in(l);
  if (channels * walk.lanes_per_channel == walk.lanes_in(l)) return;
  const auto bytes = static_cast<std::size_t>(walk.block_lanes - channels) * size_of(dtype);
  for (std::int64_t n = tile.n0; n < tile.n1; ++n) {
    for (std::int64_t s = tile.s0; s < tile.s1; ++s) {
      std::memset(
          at(data, dtype,
             n * walk.sample_stride + l * walk.block_stride + s * walk.step_stride + channels),
          0, bytes);
    }
  }
}

}  // namespace equipoise::norm
