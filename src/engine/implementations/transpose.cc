#include "ops/transpose.h"

#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"

namespace equipoise::engine {
namespace {

CopyPlan plan_for(const NodeContext& node, Layout from, Layout to) {
  const auto& permutation = static_cast<const Transpose&>(*node.node.operation).permutation();
  const Shape& x = node.input(0);
  CopyPlan plan{.parts = {}, .y = node.output(0), .layout = to};
  const std::int64_t block = block_of(from);
  const Strides in_y = strides_of(plan.y, to);
  // By dimensions of x, of which the channels may come in blocks.
  Strides strides[] = {{}, strides_of(x, from)};
  for (std::size_t d = 0; d < permutation.size(); ++d) {
    strides[0].along[static_cast<std::size_t>(permutation[d])] = in_y.along[d];
  }
  strides[0].lane = strides[0].along[1];
  strides[0].along[1] *= block;
  for (Nest& nest : nests_over(x, block, Padding::kLeftOut, strides)) {
    plan.parts.push_back({0, std::move(nest)});
  }
  return plan;
}

}  // namespace

Answer transpose(const NodeContext& node) {
  const Format format = kept_format(node, 0);
  // Images back from (N, H, W, C) are in channels_last already.
  if (node.output(0).rank() > 2) {
    Proposal proposal = copy(node, {format}, plan_for(node, format.layout, Layout::kChannelsLast));
    if (proposal.alias) return proposal;
  }
  return copy(node, {format}, plan_for(node, format.layout, Layout::kChannelsFirst));
}

}  // namespace equipoise::engine
