#include "norm/units.h"

#include <algorithm>

#include "base/cache.h"
#include "base/round_up.h"
#include "equipoise/runtime.h"

namespace equipoise::norm {
namespace {

// Bytes of a sample that a unit of all threads holds, if there are as many.
constexpr std::int64_t kUnitStretchBytes = 128 << 10;
// Those that a thread's own unit has to hold. With 31 KiB, (16, 2048, 7, 7) in channels_first takes
// 0.6 ms in place of 1.2 (backward, two threads); shorter ones were not measured.
constexpr std::int64_t kOwnStretchBytes = 8 << 10;
// A second sweep goes back to front, and finds some of a unit that is larger than the cache: with
// units of 51 MB at work beside a last level of 32 MiB, (16, 64, 112, 112) takes 2.8 ms in place of
// 3.5.
constexpr std::int64_t kCachesAtWork = 2;
// Elements of a sample that a tile reads on end, if there are: memory takes a while to come up to
// speed.
constexpr std::int64_t kLeastStretch = 65536;
// Lanes of a tile, whose sums are to stay in the second level.
constexpr std::int64_t kMostLanes = 16384;

// Blocks that hold whole groups: no group ends inside the last one.
std::int64_t blocks_of_whole_groups(const Walk& walk, std::int64_t channels_per_group) {
  if (walk.block_channels % channels_per_group == 0) return 1;
  if (channels_per_group % walk.block_channels == 0)
    return channels_per_group / walk.block_channels;
  return walk.blocks;
}

}  // namespace

int threads_for(std::int64_t bytes) {
  // No machine has less than this in the second level; tests say that theirs has.
  const std::int64_t least = std::min<std::int64_t>(64 << 10, cache_sizes().level2);
  return static_cast<int>(std::clamp<std::int64_t>(bytes / least, 1, num_threads()));
}

Units::Units(const Walk& walk, bool across, std::int64_t channels_per_group, DType dtype,
             int tensors, bool whole)
    : across_samples(across), samples(walk.samples), blocks(walk.blocks) {
  const std::int64_t unit_samples = across ? std::max<std::int64_t>(walk.samples, 1) : 1;
  const std::int64_t block_bytes =
      std::max<std::int64_t>(unit_samples * walk.steps * walk.block_lanes *
                                 static_cast<std::int64_t>(size_of(dtype)) * tensors,
                             1);
  const std::int64_t total_bytes = block_bytes * blocks * (across ? 1 : samples);
  threads = threads_for(total_bytes);
  const std::int64_t whole_groups = blocks_of_whole_groups(walk, channels_per_group);
  const auto share_out = [&](std::int64_t room) {
    const std::int64_t most =
        std::max<std::int64_t>(room / (block_bytes * whole_groups), 1) * whole_groups;
    blocks_per_unit = std::max<std::int64_t>(whole ? blocks : std::min(most, blocks), 1);
    // Equal units rather than full ones and a rest.
    if (per_sample() > 1) {
      blocks_per_unit = ceil_div(ceil_div(blocks, per_sample()), whole_groups) * whole_groups;
    }
  };
  const std::int64_t last_level = cache_sizes().last_level;
  // Of one unit. Those of all threads' own take no more than half the last level, which beyond four
  // threads is less each; an eighth where lanes have one step, as coefficients of all of them are
  // to stay in the second level: (32, 1024, 14, 14) in channels_first took 17 % longer with twice
  // that.
  const std::int64_t room = last_level / 8;
  // Of units that all share, two are at work, which takes several to be of use.
  const std::int64_t stretches = walk.samples * kUnitStretchBytes;
  const std::int64_t room_shared = std::clamp(total_bytes / 8, std::min(stretches, room), room);
  // Of those of a thread's own, several for each, so that threads end together.
  const std::int64_t most_at_work = walk.steps == 1 ? room : last_level / 2;
  const std::int64_t room_each = std::min(room, std::min(most_at_work, total_bytes / 4) / threads);
  share_out(!across ? cache_sizes().level2 / 2 : threads == 1 ? room_shared : room_each);
  const std::int64_t at_work = block_bytes * blocks_per_unit * threads;
  const std::int64_t stretch = block_bytes * blocks_per_unit / (tensors * unit_samples);
  const bool suits = across ? count() >= threads && stretch >= kOwnStretchBytes &&
                                  at_work <= kCachesAtWork * last_level
                            : count() >= std::int64_t{2} * threads && at_work <= last_level / 2;
  one_each = !whole && (threads == 1 || suits);
  if (across && !one_each) share_out(room_shared);
  side_by_side = 2 * block_bytes * blocks_per_unit <= last_level;
}

Unit Units::at(std::int64_t i) const {
  const std::int64_t n = i / per_sample();
  const std::int64_t l0 = i % per_sample() * blocks_per_unit;
  return {across_samples ? 0 : n, across_samples ? samples : n + 1, l0,
          std::min(l0 + blocks_per_unit, blocks)};
}

Strips::Strips(const Walk& walk, const Unit& unit, int threads)
    : unit_(unit), tiles_(walk.tiles_per_block(unit.n1 - unit.n0)) {
  const bool narrow_last = unit.l1 > unit.l0 && walk.lanes_in(unit.l1 - 1) < walk.block_lanes;
  even_ = unit.blocks() - (narrow_last ? 1 : 0);
  blocks_ = std::max<std::int64_t>(kMostLanes / walk.padded_width(), 1);
  if (threads > 1) {
    const std::int64_t tiles = std::max<std::int64_t>(tiles_, 1);
    const std::int64_t stretch = std::max<std::int64_t>(walk.tile_steps * walk.block_lanes, 1);
    const std::int64_t fair = ceil_div(even_, ceil_div(std::int64_t{4} * threads, tiles));
    const std::int64_t most = ceil_div(even_, ceil_div(threads, tiles));
    blocks_ = std::min({blocks_, std::max(fair, ceil_div(kLeastStretch, stretch)), most});
  }
  blocks_ = std::clamp<std::int64_t>(blocks_, 1, std::max<std::int64_t>(even_, 1));
  strips_ = ceil_div(even_, blocks_) + (narrow_last ? 1 : 0);
}

Strips::Task Strips::at(std::int64_t i) const {
  const std::int64_t l0 = i % strips_ * blocks_;
  if (l0 >= even_) return {unit_.l1 - 1, unit_.l1, i / strips_};
  return {unit_.l0 + l0, unit_.l0 + std::min(l0 + blocks_, even_), i / strips_};
}

}  // namespace equipoise::norm
