#include "norm/rows_tile.h"

#include <algorithm>

#include "base/cache.h"
#include "equipoise/runtime.h"

namespace equipoise::norm {

int threads_for(const RowChunks& chunks, DType dtype) {
  constexpr std::int64_t kLeastBytes = 64 << 10;
  const std::int64_t bytes =
      chunks.rows * chunks.length * static_cast<std::int64_t>(size_of(dtype));
  return static_cast<int>(std::clamp<std::int64_t>(bytes / kLeastBytes, 1, num_threads()));
}

bool streams(const TensorView& out, const ConstTensorView& in) {
  if (!out || out.data == in.data) return false;
  const std::int64_t bytes =
      storage_elements(out.shape, out.layout) * static_cast<std::int64_t>(size_of(out.dtype));
  return bytes > cache_sizes().level2;
}

void describe(RowsTile& tile, const RowChunks& chunks, const RowChunks::Chunk& chunk,
              const NormRecord::State& state) {
  tile.dtype = state.dtype;
  tile.rows = chunk.rows;
  tile.length = chunks.length;
  tile.stride = chunks.length;
  tile.groups = chunks.groups;
  tile.run = chunks.run;
  tile.centered = state.centered;
  tile.activation = state.activation;
  tile.negative_slope = state.negative_slope;
  if (state.has_bits) {
    tile.bits_stride = chunks.bits_stride();
    tile.bits = reinterpret_cast<std::uint8_t*>(state.bits.data()) + chunk.first * tile.bits_stride;
  }
}

void write_parameter_gradient(const NormBackward& out, std::int64_t parameter,
                              const GradientSums& sums) {
  const auto i = static_cast<std::size_t>(parameter);
  if (!out.dbias.empty()) out.dbias[i] = static_cast<float>(sums.dz);
  if (!out.dweight.empty()) out.dweight[i] = static_cast<float>(sums.products);
}

}  // namespace equipoise::norm
