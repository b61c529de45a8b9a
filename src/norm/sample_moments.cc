#include "norm/sample_moments.h"

namespace equipoise::norm {

SampleMoments::SampleMoments(const Elements& x, const Walk& walk,
                             std::span<const float> position_weights, int threads,
                             std::span<Moments> out, Workspace::Arena& arena)
    : tiles_(Walk(x.shape, x.layout, walk.samples, false), x, position_weights, false, arena),
      lanes_(arena.make<LaneScratch>(threads)),
      partial_(arena.make<std::span<Moments>>(threads)),
      out_(out) {
  for (LaneScratch& lanes : lanes_)
    lanes = LaneScratch(tiles_.walk(), !position_weights.empty(), arena);
  for (auto& partial : partial_) partial = arena.take<Moments>(tiles_.walk().block_channels);
}

void SampleMoments::operator()(std::int64_t n, std::int64_t c0, std::int64_t c1, int thread) {
  const Walk& walk = tiles_.walk();
  const std::span<Moments> partial = partial_[static_cast<std::size_t>(thread)];
  for (std::int64_t l = c0 / walk.block_channels; l * walk.block_channels < c1; ++l) {
    const std::span<Moments> out =
        out_.subspan(static_cast<std::size_t>(n * walk.channels + l * walk.block_channels),
                     static_cast<std::size_t>(walk.channels_in(l)));
    for (std::int64_t t = 0; t < walk.tiles_per_block(1); ++t) {
      tiles_(n, n + 1, l, t, lanes_[static_cast<std::size_t>(thread)], partial.data());
      for (std::size_t c = 0; c < out.size(); ++c)
        out[c] = t == 0 ? partial[c] : merge(out[c], partial[c]);
    }
  }
}

}  // namespace equipoise::norm
