#include "norm/sample_block.h"

#include "base/round_up.h"

namespace equipoise::norm {
namespace {

std::int64_t block_samples(const NormRecord::State& state) {
  const std::int64_t samples = state.shape.samples();
  return state.across_samples ? std::clamp<std::int64_t>(state.partition.samples, 1,
                                                         std::max<std::int64_t>(samples, 1))
                              : samples;
}

}  // namespace

std::int64_t SampleBlock::count(const NormRecord::State& state) {
  const std::int64_t of_block = std::max<std::int64_t>(block_samples(state), 1);
  return std::max<std::int64_t>(ceil_div(state.shape.samples(), of_block), 1);
}

SampleBlock::SampleBlock(const NormRecord::State& state, std::int64_t block)
    : state_(state),
      block_(block),
      first_sample_(block * block_samples(state)),
      walk_(state.shape, state.layout,
            std::min(block_samples(state), state.shape.samples() - first_sample_),
            state.across_samples, block_samples(state)) {}

Tile SampleBlock::tile(const TileRange& range, const Strips::Task& task) const {
  Tile tile;
  static_cast<TileShape&>(tile) =
      walk_.shape_of(range, task.l0, task.l1, state_.dtype, !state_.has_bits);
  tile.activation = state_.activation;
  tile.negative_slope = state_.negative_slope;
  if (state_.has_bits) {
    tile.bits = reinterpret_cast<std::uint8_t*>(state_.bits.data()) +
                first_sample_ * walk_.bits_per_sample() + walk_.bits_offset(range, task.l0);
    tile.bits_segment_stride = walk_.blocks * walk_.bits_plane();
    tile.bits_block_stride = walk_.bits_plane();
  }
  return tile;
}

}  // namespace equipoise::norm
