#include "engine/implementations/reorder.h"

#include <fmt/format.h>

#include "engine/onednn/primitive_kernel.h"

namespace equipoise::engine {
namespace {

using onednn::Desc;

/// Formats of oneDNN's own say themselves of how many dimensions the weights are.
Desc desc_of(const Format& format, const Shape& shape, const Format& other) {
  if (format.weights) return format.weights->desc();
  if (other.weights) return onednn::row_major(onednn::dims_of(other.weights->desc()));
  if (shape.rank() == 4) return onednn::images(shape, format.layout);
  // (N, C, …) of another rank, seen as (N, C, S, 1).
  return onednn::images(Shape{shape.samples(), shape.channels(), shape.positions(), 1},
                        format.layout);
}

}  // namespace

Answer reorder(const NodeContext& node, const Format& to) {
  const Format& from = node.format(0);
  if (node.input_dtype(0) != DType::kF32) return "only f32 has layouts";
  const Desc src = desc_of(from, node.input(0), to);
  const Desc dst = desc_of(to, node.input(0), from);
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  const dnnl::reorder::primitive_desc desc(onednn::cpu(), src, onednn::cpu(), dst, attributes);
  Proposal proposal;
  proposal.inputs = {from};
  proposal.outputs = {to};
  proposal.scratch_bytes = desc.scratchpad_desc().get_size();
  proposal.kernel = std::make_unique<onednn::PrimitiveKernel>(
      dnnl::reorder(desc),
      std::vector<onednn::PrimitiveKernel::Binding>{{DNNL_ARG_FROM, src, false, 0},
                                                    {DNNL_ARG_TO, dst, true, 0}},
      desc.scratchpad_desc());
  return proposal;
}

Answer reorder_preferred(const NodeContext& node) {
  return reorder(node,
                 {.layout = node.input(0).rank() > 2 ? node.preferred : Layout::kChannelsFirst});
}

}  // namespace equipoise::engine
