#include "norm/units.h"

#include <algorithm>

#include "base/cache.h"
#include "equipoise/runtime.h"

namespace equipoise::norm {
namespace {

// A unit costs some hundred nanoseconds of its own; less than this is not worth one, nor a thread.
constexpr std::int64_t kLeastUnitBytes = 64 << 10;

// Blocks that hold whole groups: no group ends inside the last one.
std::int64_t blocks_of_whole_groups(const Walk& walk, std::int64_t channels_per_group) {
  if (walk.block_channels % channels_per_group == 0) return 1;
  if (channels_per_group % walk.block_channels == 0)
    return channels_per_group / walk.block_channels;
  return walk.blocks;
}

}  // namespace

Units::Units(const Walk& walk, bool across, std::int64_t channels_per_group, DType dtype,
             int tensors, bool whole)
    : across_samples(across), samples(walk.samples), blocks(walk.blocks) {
  const std::int64_t unit_samples = across ? walk.samples : 1;
  const std::int64_t block_bytes =
      std::max<std::int64_t>(unit_samples * walk.steps * walk.block_lanes *
                                 static_cast<std::int64_t>(size_of(dtype)) * tensors,
                             1);
  const std::int64_t whole_groups = blocks_of_whole_groups(walk, channels_per_group);
  blocks_per_unit =
      std::max<std::int64_t>(kLeastUnitBytes / (block_bytes * whole_groups), 1) * whole_groups;
  if (whole) blocks_per_unit = blocks;
  blocks_per_unit = std::clamp<std::int64_t>(blocks_per_unit, 1, std::max<std::int64_t>(blocks, 1));

  const std::int64_t unit_bytes = block_bytes * blocks_per_unit;
  const std::int64_t total_bytes = unit_bytes * count();
  threads =
      static_cast<int>(std::clamp<std::int64_t>(total_bytes / kLeastUnitBytes, 1, num_threads()));
  one_each = threads == 1 || (count() >= std::int64_t{2} * threads &&
                              unit_bytes * threads <= cache_sizes().last_level / 2);
  if (whole) one_each = false;
}

Unit Units::at(std::int64_t i) const {
  const std::int64_t n = i / per_sample();
  const std::int64_t l0 = i % per_sample() * blocks_per_unit;
  return {across_samples ? 0 : n, across_samples ? samples : n + 1, l0,
          std::min(l0 + blocks_per_unit, blocks)};
}

}  // namespace equipoise::norm
