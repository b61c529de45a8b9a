#include "norm/group_moments.h"

#include <algorithm>
#include <cmath>

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
      channels_per_group_(channels_per_group / joined_),
      weighted_(!position_weights.empty()),
      tiles_(own_walk(x, across_samples, joined_, walk), x, position_weights, across_samples,
             arena) {}

LaneScratch GroupMoments::lane_scratch(const Unit& unit, int threads,
                                       Workspace::Arena& arena) const {
  return {tiles_.walk(), strips(unit, threads).blocks(), weighted_, arena};
}

GroupMoments::Partial GroupMoments::partial(const Unit& unit, Workspace::Arena& arena) const {
  const Unit mine = own(unit);
  const std::int64_t values = tiles_.walk().tiles_per_block(mine.n1 - mine.n0) * stride(mine);
  return {arena.take<double>(values), arena.take<double>(values)};
}

void GroupMoments::tile(const Unit& unit, const Strips::Task& task, const LaneScratch& scratch,
                        const Partial& partial) const {
  const Unit mine = own(unit);
  const std::int64_t first =
      task.t * stride(mine) + (task.l0 - mine.l0) * tiles_.walk().block_channels;
  tiles_(mine.n0, mine.n1, task.l0, task.l1, task.t, scratch, partial.mean.data() + first,
         partial.m2.data() + first);
}

void GroupMoments::merge_tiles(const Unit& mine, std::int64_t first, std::int64_t last,
                               const Partial& partial, std::span<Moments> out) const {
  constexpr std::int64_t kChunk = 64;
  double means[kChunk];
  double m2s[kChunk];
  const std::int64_t tiles = tiles_.walk().tiles_per_block(mine.n1 - mine.n0);
  for (std::int64_t c0 = first; c0 < last; c0 += kChunk) {
    const std::int64_t channels = std::min(kChunk, last - c0);
    std::fill_n(means, channels, 0.0);
    std::fill_n(m2s, channels, 0.0);
    double total = 0;
    for (std::int64_t t = 0; t < tiles; ++t) {
      const double count = tiles_.count(mine.n0, mine.n1, t);
      if (count == 0) continue;
      const double* mean = partial.mean.data() + t * stride(mine) + c0;
      const double* m2 = partial.m2.data() + t * stride(mine) + c0;
      const double share = count / (total + count);  // as in `merge`
      const double spread = total * share;
      for (std::int64_t c = 0; c < channels; ++c) {
        const double delta = mean[c] - means[c];
        means[c] += delta * share;
        m2s[c] += m2[c] + delta * delta * spread;
      }
      total += count;
    }
    for (std::int64_t c = 0; c < channels; ++c) {
      Moments& merged = out[static_cast<std::size_t>(c0 - first + c)];
      merged = {total, means[c], m2s[c]};
      if (std::isfinite(means[c])) continue;
      merged = {};
      for (std::int64_t t = 0; t < tiles; ++t) {
        const auto i = static_cast<std::size_t>(t * stride(mine) + c0 + c);
        merged = merge(merged, {tiles_.count(mine.n0, mine.n1, t), partial.mean[i], partial.m2[i]});
      }
    }
  }
}

void GroupMoments::merge_groups(const Unit& unit, std::int64_t first, std::int64_t last,
                                const Partial& partial, std::span<Moments> out) const {
  const Unit mine = own(unit);
  if (channels_per_group_ == 1) return merge_tiles(mine, first, last, partial, out);
  constexpr std::int64_t kChunk = 64;
  Moments channels[kChunk];
  for (std::int64_t g = first; g < last; ++g) {
    Moments& group = out[static_cast<std::size_t>(g - first)];
    group = {};
    for (std::int64_t i = 0; i < channels_per_group_; i += kChunk) {
      const std::int64_t count = std::min(kChunk, channels_per_group_ - i);
      const std::int64_t c = g * channels_per_group_ + i;
      merge_tiles(mine, c, c + count, partial, channels);
      for (const Moments& channel : std::span(channels).first(static_cast<std::size_t>(count)))
        group = merge(group, channel);
    }
  }
}

void merge_all(const SampleBlock& block, const Elements& x, std::span<const float> position_weights,
               std::int64_t channels_per_group, std::span<Moments> out, Workspace::Arena& arena) {
  const GroupMoments moments(x, block.across_samples(), channels_per_group, position_weights,
                             block.walk(), arena);
  const Units units(block.walk(), block.across_samples(), channels_per_group, x.dtype, 1, false);
  const int inner_threads = units.one_each ? 1 : units.threads;
  const std::span<GroupMoments::Partial> partial =
      arena.make<GroupMoments::Partial>(units.one_each ? units.threads : 1);
  const std::span<LaneScratch> lanes = arena.make<LaneScratch>(units.threads);
  for (auto& p : partial) p = moments.partial(units.at(0), arena);
  for (LaneScratch& s : lanes) s = moments.lane_scratch(units.at(0), inner_threads, arena);
  const auto merge_groups = [&](const Unit& unit, const GroupMoments::Partial& done) {
    moments.merge_groups(unit, 0, block.group_count(unit), done,
                         out.subspan(static_cast<std::size_t>(block.first_group(unit))));
  };
  if (units.one_each) {
    parallel_for(units.count(), units.threads, [&](std::int64_t u, int thread) {
      const Unit unit = units.at(u);
      const auto mine = static_cast<std::size_t>(thread);
      const Strips strips = moments.strips(unit, 1);
      for (std::int64_t i = 0; i < strips.count(); ++i)
        moments.tile(unit, strips.at(i), lanes[mine], partial[mine]);
      merge_groups(unit, partial[mine]);
    });
    return;
  }
  for (std::int64_t u = 0; u < units.count(); ++u) {
    const Unit unit = units.at(u);
    const Strips strips = moments.strips(unit, units.threads);
    parallel_for(strips.count(), units.threads, [&](std::int64_t i, int thread) {
      moments.tile(unit, strips.at(i), lanes[static_cast<std::size_t>(thread)], partial[0]);
    });
    merge_groups(unit, partial[0]);
  }
}

}  // namespace equipoise::norm
