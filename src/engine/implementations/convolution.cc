/// Convolutions and their gradients by oneDNN, in one layout of images each.

#include "ops/convolution.h"

#include <fmt/format.h>

#include "engine/implementations/epilogue.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"
#include "engine/onednn/primitive_kernel.h"

namespace equipoise::engine {
namespace {

using onednn::Desc;
using onednn::Dims;
using onednn::PrimitiveKernel;
using Binding = PrimitiveKernel::Binding;

/// What a convolution works on: x (N, C, H, W), weight, y. Images of few channels (the network's
/// input) would be mostly padding in blocks; oneDNN reads them row-major.
struct Problem {
  Shape x, weight, y;
  Layout layout;
  std::int64_t groups;
  onednn::ConvolutionGeometry geometry;

  Problem(const Shape& x_shape, const Shape& weight_shape, const Shape& y_shape, Layout images,
          const ops::ConvolutionOptions& options)
      : x(x_shape), weight(weight_shape), y(y_shape), layout(images), groups(options.groups) {
    const auto [dilation_h, dilation_w] = options.dilation;
    geometry = {.strides = {options.stride[0], options.stride[1]},
                .dilates = {dilation_h - 1, dilation_w - 1},
                .padding_begin = {options.padding.top, options.padding.left},
                .padding_end = {options.padding.bottom, options.padding.right}};
  }

  Format x_format() const {
    const bool few = groups == 1 && x.channels() < block_of(layout) / 2;
    return {.layout = few ? Layout::kChannelsFirst : layout};
  }
  Format y_format() const { return {.layout = layout}; }
  Desc x_desc() const { return onednn::images(x, x_format().layout); }
  Desc y_desc() const { return onednn::images(y, layout); }
  Dims weights_dims() const { return onednn::weights_dims(weight, groups); }
  Desc any_weights() const { return onednn::any(weights_dims()); }
};

/// oneDNN falls back silently to loops that are 100 to 1,000 times slower.
template <class PrimitiveDesc>
std::string decline(const std::optional<PrimitiveDesc>& desc, Layout layout) {
  if (!desc) return fmt::format("oneDNN has none for {}", equipoise::to_string(layout));
  const std::string name = desc->impl_info_str();
  if (name.find("ref") == std::string::npos) return {};
  return fmt::format("oneDNN has only {} for {}", name, equipoise::to_string(layout));
}

template <class PrimitiveDesc>
void finish(Proposal& proposal, const PrimitiveDesc& desc, dnnl::primitive primitive,
            std::vector<Binding> bindings) {
  proposal.detail = desc.impl_info_str();
  proposal.scratch_bytes = desc.scratchpad_desc().get_size();
  proposal.kernel = std::make_unique<PrimitiveKernel>(std::move(primitive), std::move(bindings),
                                                      desc.scratchpad_desc());
}

Answer forward(const NodeContext& node, Layout layout) {
  const auto& operation = static_cast<const Convolution&>(*node.node.operation);
  const Problem problem(node.input(Convolution::kX), node.input(Convolution::kWeight),
                        node.output(0), layout, operation.options());
  const bool has_bias = node.has_input(Convolution::kBias);
  const Desc bias = has_bias ? onednn::row_major({problem.y.channels()}) : Desc();
  const auto kind = node.mode == Mode::kTraining ? dnnl::prop_kind::forward_training
                                                 : dnnl::prop_kind::forward_inference;
  const auto desc_with = [&](const dnnl::primitive_attr& attributes) {
    return onednn::convolution_forward(kind, problem.x_desc(), problem.any_weights(), bias,
                                       problem.y_desc(), problem.geometry, attributes);
  };
  const Epilogue& epilogue = operation.epilogue();
  const bool has_residual = node.has_input(Convolution::kResidual);
  const bool has_epilogue = has_residual || epilogue.function;
  const auto post_ops = onednn::with_post_ops(onednn::Accumulate{has_residual}, epilogue.function,
                                              epilogue.negative_slope);
  auto desc = post_ops ? desc_with(*post_ops) : std::nullopt;
  const bool epilogue_inside = decline(desc, layout).empty();
  if (has_epilogue && !epilogue_inside) desc = desc_with(onednn::user_scratchpad());
  if (std::string why = decline(desc, layout); !why.empty()) return why;
  Proposal proposal;
  proposal.inputs = {
      problem.x_format(), onednn::weights_format(desc->weights_desc()), {}, problem.y_format()};
  proposal.outputs = {problem.y_format()};
  std::vector<Binding> bindings = {
      {DNNL_ARG_SRC, desc->src_desc(), false, Convolution::kX},
      {DNNL_ARG_WEIGHTS, desc->weights_desc(), false, Convolution::kWeight},
      {DNNL_ARG_DST, desc->dst_desc(), true, 0}};
  if (has_bias) bindings.push_back({DNNL_ARG_BIAS, bias, false, Convolution::kBias});
  finish(proposal, *desc, dnnl::convolution_forward(*desc), std::move(bindings));
  const EpilogueTarget target{.y = problem.y, .layout = layout, .threads = node.threads};
  if (has_epilogue && !epilogue_inside) {
    proposal.kernel = followed_by(std::move(proposal.kernel), epilogue, target);
  } else if (has_residual) {
    proposal.kernel = onto_residual(std::move(proposal.kernel), target);
    proposal.in_place = {{0, Convolution::kResidual}};
  }
  return proposal;
}

Answer data_gradient(const NodeContext& node, Layout layout) {
  using Gradient = ConvolutionDataGradient;
  const auto& operation = static_cast<const Gradient&>(*node.node.operation);
  const Problem problem(node.output(0), node.input(Gradient::kWeight), node.input(Gradient::kDY),
                        layout, operation.options());
  const auto desc = onednn::convolution_backward_data(problem.x_desc(), problem.any_weights(),
                                                      problem.y_desc(), problem.geometry);
  if (std::string why = decline(desc, layout); !why.empty()) return why;
  Proposal proposal;
  proposal.inputs = {onednn::weights_format(desc->weights_desc()), problem.y_format()};
  proposal.outputs = {problem.x_format()};
  finish(proposal, *desc, dnnl::convolution_backward_data(*desc),
         {{DNNL_ARG_WEIGHTS, desc->weights_desc(), false, Gradient::kWeight},
          {DNNL_ARG_DIFF_DST, desc->diff_dst_desc(), false, Gradient::kDY},
          {DNNL_ARG_DIFF_SRC, desc->diff_src_desc(), true, 0}});
  return proposal;
}

Answer weight_gradient(const NodeContext& node, Layout layout) {
  using Gradient = ConvolutionWeightGradient;
  const auto& operation = static_cast<const Gradient&>(*node.node.operation);
  const Problem problem(node.input(Gradient::kX), node.output(Gradient::kDWeight),
                        node.input(Gradient::kDY), layout, operation.options());
  const bool has_bias = node.has_output(Gradient::kDBias);
  const Desc bias = has_bias ? onednn::row_major({problem.y.channels()}) : Desc();
  const auto desc = onednn::convolution_backward_weights(problem.x_desc(), problem.any_weights(),
                                                         bias, problem.y_desc(), problem.geometry);
  if (std::string why = decline(desc, layout); !why.empty()) return why;
  Proposal proposal;
  proposal.inputs = {problem.x_format(), problem.y_format()};
  proposal.outputs = {onednn::weights_format(desc->diff_weights_desc()), {}};
  std::vector<Binding> bindings = {
      {DNNL_ARG_SRC, desc->src_desc(), false, Gradient::kX},
      {DNNL_ARG_DIFF_DST, desc->diff_dst_desc(), false, Gradient::kDY},
      {DNNL_ARG_DIFF_WEIGHTS, desc->diff_weights_desc(), true, Gradient::kDWeight}};
  if (has_bias) bindings.push_back({DNNL_ARG_DIFF_BIAS, bias, true, Gradient::kDBias});
  finish(proposal, *desc, dnnl::convolution_backward_weights(*desc), std::move(bindings));
  return proposal;
}

}  // namespace

Answer convolution_preferred(const NodeContext& node) { return forward(node, node.preferred); }
Answer convolution_channels_last(const NodeContext& node) {
  return forward(node, Layout::kChannelsLast);
}
Answer convolution_row_major(const NodeContext& node) {
  return forward(node, Layout::kChannelsFirst);
}
Answer convolution_data_gradient_preferred(const NodeContext& node) {
  return data_gradient(node, node.preferred);
}
Answer convolution_data_gradient_channels_last(const NodeContext& node) {
  return data_gradient(node, Layout::kChannelsLast);
}
Answer convolution_data_gradient_row_major(const NodeContext& node) {
  return data_gradient(node, Layout::kChannelsFirst);
}
Answer convolution_weight_gradient_preferred(const NodeContext& node) {
  return weight_gradient(node, node.preferred);
}
Answer convolution_weight_gradient_channels_last(const NodeContext& node) {
  return weight_gradient(node, Layout::kChannelsLast);
}
Answer convolution_weight_gradient_row_major(const NodeContext& node) {
  return weight_gradient(node, Layout::kChannelsFirst);
}

}  // namespace equipoise::engine
