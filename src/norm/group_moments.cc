#include "norm/group_moments.h"

#include <algorithm>

#include "base/parallel.h"

namespace equipoise::norm {
namespace {

std::int64_t joined_channels(const Walk& walk, std::int64_t channels_per_group, bool weighted) {
  return walk.form == Form::kRuns && !weighted ? channels_per_group : 1;
}

Walk own_walk(const Elements& x, bool across_samples, std::int64_t joined, const Walk& walk) {
  if (joined == 1) return walk;
  const Shape runs{x.shape.samples(), x.shape.channels() / joined, x.shape.positions() * joined};
  return {runs, x.layout, walk.samples, across_samples};
}

}  // namespace

GroupMoments::GroupMoments(const Elements& x, bool across_samples, std::int64_t channels_per_group,
                           std::span<const float> position_weights, const Walk& walk,
                           Workspace::Arena& arena)
    : joined_(joined_channels(walk, channels_per_group, !position_weights.empty())),
      channels_per_group_(channels_per_group),
      tiles_(own_walk(x, across_samples, joined_, walk), x, position_weights, across_samples,
             arena) {}

std::int64_t GroupMoments::channels_of(const Unit& unit) const {
  const Unit mine = own(unit);
  return std::min(mine.blocks() * walk().block_channels,
                  walk().channels - mine.l0 * walk().block_channels);
}

void GroupMoments::tile(const Unit& unit, std::int64_t i, const LaneScratch& scratch,
                        Moments* partial) const {
  const Unit mine = own(unit);
  const std::int64_t l = i % mine.blocks();
  const std::int64_t t = i / mine.blocks();
  tiles_(unit.n0, unit.n1, mine.l0 + l, t, scratch,
         partial + t * channels_of(unit) + l * walk().block_channels);
}

Moments GroupMoments::merged(const Unit& unit, std::int64_t channel, const Moments* partial) const {
  const std::int64_t tiles = tiles_per_block(unit);
  const std::int64_t stride = channels_of(unit);
  const std::int64_t first = channel / joined_ - own(unit).l0 * walk().block_channels;
  Moments group;
  for (std::int64_t c = first; c < first + channels_per_group_ / joined_; ++c) {
    Moments one;
    for (std::int64_t t = 0; t < tiles; ++t) one = merge(one, partial[t * stride + c]);
    group = merge(group, one);
  }
  return group;
}

void merge_all(const SampleBlock& block, const Elements& x, std::span<const float> position_weights,
               std::int64_t channels_per_group, std::span<Moments> out, Workspace::Arena& arena) {
  const GroupMoments moments(x, block.across_samples(), channels_per_group, position_weights,
                             block.walk(), arena);
  const Units units(block.walk(), block.across_samples(), channels_per_group, x.dtype, 1, false);
  const std::span<std::span<Moments>> partial = arena.make<std::span<Moments>>(units.threads);
  const std::span<LaneScratch> lanes = arena.make<LaneScratch>(units.threads);
  for (auto& p : partial) p = arena.take<Moments>(moments.partial_count(units.at(0)));
  for (LaneScratch& s : lanes) s = LaneScratch(moments.walk(), !position_weights.empty(), arena);
  const auto merge_groups = [&](const Unit& unit, const Moments* done) {
    for (std::int64_t i = 0; i < block.group_count(unit); ++i) {
      const std::int64_t c = block.channel_of(unit, i);
      out[static_cast<std::size_t>(block.group_of(unit, c))] = moments.merged(unit, c, done);
    }
  };
  if (units.one_each) {
    parallel_for(units.count(), units.threads, [&](std::int64_t u, int thread) {
      const Unit unit = units.at(u);
      Moments* mine = partial[static_cast<std::size_t>(thread)].data();
      for (std::int64_t i = 0; i < moments.tasks(unit); ++i) {
        moments.tile(unit, i, lanes[static_cast<std::size_t>(thread)], mine);
      }
      merge_groups(unit, mine);
    });
    return;
  }
  for (std::int64_t u = 0; u < units.count(); ++u) {
    const Unit unit = units.at(u);
    parallel_for(moments.tasks(unit), units.threads, [&](std::int64_t i, int thread) {
      moments.tile(unit, i, lanes[static_cast<std::size_t>(thread)], partial[0].data());
    });
    merge_groups(unit, partial[0].data());
  }
}

}  // namespace equipoise::norm
