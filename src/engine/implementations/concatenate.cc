#include "ops/concatenate.h"

#include <fmt/format.h>

#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"

namespace equipoise::engine {
namespace {

constexpr int kChannelAxis = 1;

/// Whether each but the last ends with a full block.
bool fit_in_blocks(const NodeContext& node, Layout layout) {
  for (std::size_t i = 0; i + 1 < node.input_shapes.size(); ++i) {
    if (has_padding(node.input_shapes[i], layout)) return false;
  }
  return true;
}

}  // namespace

Answer concatenate(const NodeContext& node) {
  const int axis = static_cast<const Concatenate&>(*node.node.operation).axis();
  Format format = kept_format(node, 0);
  if (axis == kChannelAxis && !fit_in_blocks(node, format.layout)) format = {};
  CopyPlan plan{.parts = {}, .y = node.output(0), .layout = format.layout};
  Region region;
  for (std::size_t i = 0; i < node.input_shapes.size(); ++i) {
    region.size = node.input_shapes[i];
    add_region(plan, static_cast<int>(i), region.size, region);
    region.first_in_y[static_cast<std::size_t>(axis)] += region.size[axis];
  }
  return copy(node, std::vector(node.node.inputs.size(), format), std::move(plan));
}

}  // namespace equipoise::engine
