#include "norm/sample_moments.h"

#include <algorithm>

namespace equipoise::norm {

SampleMoments::SampleMoments(const Elements& x, const Walk& walk,
                             std::span<const float> position_weights, int threads,
                             std::span<Moments> out, Workspace::Arena& arena)
    : tiles_(Walk(x.shape, x.layout, walk.samples, false), x, position_weights, false, arena),
      lanes_(arena.make<LaneScratch>(threads)),
      partial_(arena.make<std::span<double>>(threads)),
      out_(out) {
  for (LaneScratch& lanes : lanes_)
    lanes = LaneScratch(tiles_.walk(), 1, !position_weights.empty(), arena);
  for (auto& partial : partial_) partial = arena.take<double>(2 * tiles_.walk().block_channels);
}

void SampleMoments::operator()(std::int64_t n, std::int64_t c0, std::int64_t c1, int thread) {
  const Walk& walk = tiles_.walk();
  double* mean = partial_[static_cast<std::size_t>(thread)].data();
  double* m2 = mean + walk.block_channels;
  for (std::int64_t l = c0 / walk.block_channels; l * walk.block_channels < c1; ++l) {
    const std::span<Moments> out =
        out_.subspan(static_cast<std::size_t>(n * walk.channels + l * walk.block_channels),
                     static_cast<std::size_t>(walk.channels_in(l)));
    std::ranges::fill(out, Moments{});
    for (std::int64_t t = 0; t < walk.tiles_per_block(1); ++t) {
      tiles_(n, n + 1, l, l + 1, t, lanes_[static_cast<std::size_t>(thread)], mean, m2);
      const double count = tiles_.count(n, n + 1, t);
      for (std::size_t c = 0; c < out.size(); ++c) out[c] = merge(out[c], {count, mean[c], m2[c]});
    }
  }
}

}  // namespace equipoise::norm
