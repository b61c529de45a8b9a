#include "norm/sample_block.h"

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
  return std::max<std::int64_t>((state.shape.samples() + of_block - 1) / of_block, 1);
}

SampleBlock::SampleBlock(const NormRecord::State& state, std::int64_t block)
    : state_(state),
      block_(block),
      first_sample_(block * block_samples(state)),
      walk_(state.shape, state.layout,
            std::min(block_samples(state), state.shape.samples() - first_sample_),
            state.across_samples) {}

Tile SampleBlock::tile(const Task& task) const {
  Tile tile;
  tile.form = walk_.form;
  tile.dtype = state_.dtype;
  tile.segments = walk_.segments(task.range, task.l, !state_.has_bits);
  tile.width = walk_.lane_width();
  tile.activation = state_.activation;
  tile.negative_slope = state_.negative_slope;
  if (state_.has_bits) {
    const std::int64_t per_sample = walk_.blocks * walk_.bits_plane();
    tile.bits = reinterpret_cast<std::uint8_t*>(state_.bits.data()) + first_sample_ * per_sample +
                walk_.bits_offset(task.range, task.l);
    tile.bits_segment_stride = per_sample;
  }
  return tile;
}

}  // namespace equipoise::norm
