/// Parts of a tensor, or a tensor as part of a larger one.

#include "ops/pad.h"

#include <algorithm>

#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"
#include "ops/slice.h"

namespace equipoise::engine {
namespace {

constexpr int kChannelAxis = 1;

/// What x and y have in common if y begins at index begin[d] of x; negative where something is
/// before x.
Region overlap(const Shape& x, const Shape& y,
               const std::array<std::int64_t, Shape::kMaxRank>& begin) {
  Region region;
  std::array<std::int64_t, Shape::kMaxRank> size = {};
  for (int d = 0; d < x.rank(); ++d) {
    const auto i = static_cast<std::size_t>(d);
    region.first_in_x[i] = std::max<std::int64_t>(begin[i], 0);
    region.first_in_y[i] = std::max<std::int64_t>(-begin[i], 0);
    size[i] = std::max<std::int64_t>(
        std::min(x[d] - region.first_in_x[i], y[d] - region.first_in_y[i]), 0);
  }
  region.size = Shape(std::span(size).first(static_cast<std::size_t>(x.rank())));
  return region;
}

/// Whether channels can be copied in blocks: they begin with one, and what a last one has too much
/// is padding in y, or zero as that of x.
bool fits_blocks(const Region& region, const Shape& x, const Shape& y, Layout layout, float fill) {
  const std::int64_t block = block_of(layout);
  if (block == 1) return true;
  if (region.first_in_x[kChannelAxis] % block != 0 ||
      region.first_in_y[kChannelAxis] % block != 0) {
    return false;
  }
  const std::int64_t end_in_x = region.first_in_x[kChannelAxis] + region.size.channels();
  const std::int64_t end_in_y = region.first_in_y[kChannelAxis] + region.size.channels();
  return region.size.channels() % block == 0 || end_in_y == y.channels() ||
         (end_in_x == x.channels() && fill == 0);
}

Answer move_region(const NodeContext& node, const Region& region, float fill) {
  const Shape& x = node.input(0);
  const Shape& y = node.output(0);
  Format format = kept_format(node, 0);
  if (!fits_blocks(region, x, y, format.layout, fill)) format = {};
  CopyPlan plan{.parts = {}, .y = y, .layout = format.layout};
  if (region.size != y) plan.fill = fill;
  if (region.size.element_count() > 0) add_region(plan, 0, x, region);
  return copy(node, {format}, std::move(plan));
}

}  // namespace

Answer pad(const NodeContext& node) {
  const auto& operation = static_cast<const Pad&>(*node.node.operation);
  const Shape& x = node.input(0);
  const auto first = static_cast<std::size_t>(x.rank()) - operation.before().size();
  std::array<std::int64_t, Shape::kMaxRank> begin = {};
  for (std::size_t i = 0; i < operation.before().size(); ++i) {
    begin[first + i] = -operation.before()[i];
  }
  return move_region(node, overlap(x, node.output(0), begin), operation.value());
}

Answer slice(const NodeContext& node) {
  const auto& operation = static_cast<const Slice&>(*node.node.operation);
  std::array<std::int64_t, Shape::kMaxRank> begin = {};
  begin[static_cast<std::size_t>(operation.axis())] = operation.begin();
  return move_region(node, overlap(node.input(0), node.output(0), begin), 0);
}

}  // namespace equipoise::engine
