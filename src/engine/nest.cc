#include "engine/nest.h"

#include <utility>

#include "base/round_up.h"
#include "engine/layout.h"

namespace equipoise::engine {

Strides strides_of(const Shape& shape, Layout layout, std::int64_t block) {
  Strides strides;
  const int rank = shape.rank();
  const std::int64_t lanes = block_of(layout);
  const bool images = rank > 2 && layout != Layout::kChannelsFirst;
  std::int64_t stride = !images ? 1 : lanes > 1 ? lanes : shape.channels();
  for (int d = rank; d-- > 0;) {
    if (images && d == 1) continue;
    // What is behind the samples of images: all channels of a step are there already, or blocks of
    // them.
    if (images && d == 0 && lanes > 1) stride *= ceil_div(shape.channels(), lanes);
    strides.along[static_cast<std::size_t>(d)] = stride;
    stride *= shape[d];
  }
  if (images && lanes > 1) {
    strides.along[1] = shape.positions() * lanes;
    strides.lane = 1;
  } else if (rank > 1) {
    if (images) strides.along[1] = 1;
    strides.lane = block > 1 ? strides.along[1] : 0;
    strides.along[1] *= block;
  }
  return strides;
}

Strides broadcast_strides(const Shape& shape, Layout layout, const Shape& frame,
                          std::int64_t block) {
  const int missing = frame.rank() - shape.rank();
  const Strides own =
      missing == 0 ? strides_of(shape, layout, block) : strides_of(shape, Layout::kChannelsFirst);
  Strides strides;
  for (int d = std::max(missing, 0); d < frame.rank(); ++d) {
    if (shape[d - missing] == 1) continue;
    std::int64_t& along = strides.along[static_cast<std::size_t>(d)];
    along = own.along[static_cast<std::size_t>(d - missing)];
    if (d != 1) continue;
    strides.lane = missing == 0 ? own.lane : block > 1 ? along : 0;
    if (missing != 0) along *= block;
  }
  return strides;
}

Offsets offsets_at(std::span<const Loop> loops, std::int64_t p) {
  Offsets offsets = {};
  for (std::size_t i = loops.size(); i-- > 0;) {
    const std::int64_t index = p % loops[i].count;
    p /= loops[i].count;
    for (std::size_t k = 0; k < kMostOperands; ++k) offsets[k] += index * loops[i].strides[k];
  }
  return offsets;
}

std::int64_t rounds_of(std::span<const Loop> loops) {
  std::int64_t count = 1;
  for (const Loop& loop : loops) count *= loop.count;
  return count;
}

void Nest::simplify() {
  std::erase_if(loops, [](const Loop& loop) { return loop.count == 1; });
  std::ranges::stable_sort(
      loops, [](const Loop& a, const Loop& b) { return a.strides[0] > b.strides[0]; });
  for (std::size_t i = loops.size(); i-- > 1;) {
    Loop& outer = loops[i - 1];
    const Loop& inner = loops[i];
    bool joins = true;
    for (std::size_t k = 0; k < kMostOperands; ++k) {
      joins = joins && outer.strides[k] == inner.count * inner.strides[k];
    }
    if (!joins) continue;
    outer = {outer.count * inner.count, inner.strides};
    loops.erase(loops.begin() + static_cast<std::ptrdiff_t>(i));
  }
  if (loops.empty()) loops.push_back({.count = 1, .strides = {1, 1, 1}});
  if (loops.size() == 1) loops.insert(loops.begin(), Loop{});
}

bool Nest::is_identity() const {
  return start[0] == 0 && start[1] == 0 && loops.size() == 2 && loops[0].count == 1 &&
         loops[1].strides[0] == 1 && loops[1].strides[1] == 1;
}

std::vector<Nest> nests_over(const Shape& frame, std::int64_t block, Padding padding,
                             std::span<const Strides> operands) {
  // Channels in two loops: blocks, and lanes.
  const auto nest_of = [&](std::int64_t first_block, std::int64_t blocks, std::int64_t lanes) {
    Nest nest;
    nest.loops.resize(static_cast<std::size_t>(frame.rank()) + 1);
    nest.loops.back().count = lanes;
    for (int d = 0; d < frame.rank(); ++d) {
      nest.loops[static_cast<std::size_t>(d)].count = d == 1 ? blocks : frame[d];
    }
    for (std::size_t k = 0; k < operands.size(); ++k) {
      for (std::size_t d = 0; d + 1 < nest.loops.size(); ++d) {
        nest.loops[d].strides[k] = operands[k].along[d];
      }
      nest.loops.back().strides[k] = operands[k].lane;
      nest.start[k] = first_block * operands[k].along[1];
    }
    nest.simplify();
    return nest;
  };
  const std::int64_t channels = frame.channels();
  if (frame.rank() < 2) return {nest_of(0, 1, 1)};
  if (padding == Padding::kIncluded) return {nest_of(0, ceil_div(channels, block), block)};
  std::vector<Nest> nests;
  const std::int64_t full = channels / block;
  if (full > 0) nests.push_back(nest_of(0, full, block));
  if (channels % block > 0) nests.push_back(nest_of(full, 1, channels % block));
  return nests;
}

}  // namespace equipoise::engine
