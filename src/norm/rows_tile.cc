#include "norm/rows_tile.h"

#include "norm/units.h"

namespace equipoise::norm {

int threads_for(const RowChunks& chunks, DType dtype) {
  return threads_for(chunks.rows * chunks.length * static_cast<std::int64_t>(size_of(dtype)));
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

}  // namespace equipoise::norm
