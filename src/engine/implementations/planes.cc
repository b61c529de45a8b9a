#include "engine/implementations/planes.h"

#include "base/round_up.h"

namespace equipoise::engine {

Planes planes_of(const Shape& shape, Layout layout) {
  const std::int64_t samples = shape.samples();
  const std::int64_t channels = shape.channels();
  const auto in_blocks = [&](std::int64_t lanes) -> Planes {
    return {samples * ceil_div(channels, lanes), shape.positions(), lanes};
  };
  switch (layout) {
    case Layout::kChannelsFirst:
      break;
    case Layout::kChannelsLast:
      return {samples, shape.positions(), channels};
    case Layout::kBlocked8:
      return in_blocks(8);
    case Layout::kBlocked16:
      return in_blocks(16);
  }
  return in_blocks(1);
}

Format activation_format(const NodeContext& node, int input) {
  const Format& format = node.format(input);
  return format.weights ? Format{} : format;
}

Format gradient_format(const NodeContext& node, int input) {
  const Format format = activation_format(node, input);
  return format.plain() ? Format{.layout = node.preferred} : format;
}

Proposal in_layout(const NodeContext& node, const Format& format,
                   std::unique_ptr<const Kernel> kernel) {
  Proposal proposal;
  proposal.inputs.assign(node.node.inputs.size(), format);
  proposal.outputs.assign(node.node.outputs.size(), format);
  proposal.kernel = std::move(kernel);
  return proposal;
}

}  // namespace equipoise::engine
