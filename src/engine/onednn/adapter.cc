#include "engine/onednn/adapter.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include <fmt/format.h>

namespace equipoise::engine::onednn {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::prop_kind;

bool empty(const Desc& desc) { return desc.get_size() == 0; }

/// Calls make(), which throws where oneDNN has nothing.
template <class Make>
auto attempt(Make make) -> std::optional<decltype(make())> {
  try {
    return make();
  } catch (const dnnl::error& error) {
    if (error.status == dnnl_unimplemented || error.status == dnnl_invalid_arguments) {
      return std::nullopt;
    }
    throw;
  }
}

struct Blocking {
  std::vector<std::int64_t> strides;
  std::vector<std::int64_t> inner_blocks, inner_dimensions;
};

Blocking blocking_of(const Desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  return {desc.get_strides(), desc.get_inner_blks(), desc.get_inner_idxs()};
#else
  const auto& blocking = desc.data.format_desc.blocking;
  const auto list = [](const dnnl_dim_t* values, int count) {
    return std::vector<std::int64_t>(values, values + count);
  };
  return {list(blocking.strides, desc.data.ndims), list(blocking.inner_blks, blocking.inner_nblks),
          list(blocking.inner_idxs, blocking.inner_nblks)};
#endif
}

void append_function(dnnl::post_ops& post_ops, algorithm function, float alpha, float beta) {
#if DNNL_VERSION_MAJOR >= 3
  post_ops.append_eltwise(function, alpha, beta);
#else
  post_ops.append_eltwise(1, function, alpha, beta);
#endif
}

bool append_function(dnnl::post_ops& post_ops, ops::Function function, float negative_slope) {
  switch (function) {
    case ops::Function::kRelu:
      append_function(post_ops, algorithm::eltwise_relu, 0, 0);
      return true;
    case ops::Function::kLeakyRelu:
      append_function(post_ops, algorithm::eltwise_relu, negative_slope, 0);
      return true;
    case ops::Function::kRelu6:
      append_function(post_ops, algorithm::eltwise_clip, 0, 6);
      return true;
    case ops::Function::kSilu:
      append_function(post_ops, algorithm::eltwise_swish, 1, 0);
      return true;
    case ops::Function::kSigmoid:
      append_function(post_ops, algorithm::eltwise_logistic, 0, 0);
      return true;
    case ops::Function::kTanh:
      append_function(post_ops, algorithm::eltwise_tanh, 0, 0);
      return true;
    case ops::Function::kHardSwish:
      // α and β are 3.x's, x·clip(αx + β, 0, 1); 2.x has no others.
      append_function(post_ops, algorithm::eltwise_hardswish, 1.0F / 6, 0.5F);
      return true;
    case ops::Function::kGelu:
    case ops::Function::kHardSigmoid:  // from 2.7 on
      return false;
  }
  return false;
}

}  // namespace

std::string version() {
  const dnnl_version_t& found = *dnnl_version();
  return fmt::format("{}.{}.{}", found.major, found.minor, found.patch);
}

const dnnl::engine& cpu() {
  static const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  return engine;
}

dnnl::stream& stream() {
  static dnnl::stream stream(cpu());
  return stream;
}

Dims dims_of(const Shape& shape) { return {shape.dimensions().begin(), shape.dimensions().end()}; }

Dims dims_of(const Desc& desc) {
#if DNNL_VERSION_MAJOR >= 3
  return desc.get_dims();
#else
  return desc.dims();
#endif
}

Desc images(const Shape& shape, Layout layout) {
  using Tag = memory::format_tag;
  const Tag tag = layout == Layout::kChannelsFirst  ? Tag::nchw
                  : layout == Layout::kChannelsLast ? Tag::nhwc
                  : layout == Layout::kBlocked8     ? Tag::nChw8c
                                                    : Tag::nChw16c;
  return {dims_of(shape), memory::data_type::f32, tag};
}

Desc row_major(const Dims& dims) {
  Dims strides(dims.size(), 1);
  for (std::size_t i = dims.size(); i-- > 1;) strides[i - 1] = strides[i] * dims[i];
  return {dims, memory::data_type::f32, strides};
}

Desc any(const Dims& dims) { return {dims, memory::data_type::f32, memory::format_tag::any}; }

Dims weights_dims(const Shape& shape, std::int64_t groups) {
  if (groups == 1) return dims_of(shape);
  return {groups, shape[0] / groups, shape[1], shape[2], shape[3]};
}

Format weights_format(const Desc& desc) {
  if (desc == row_major(dims_of(desc))) return {};
  return {.layout = Layout::kChannelsFirst,
          .weights = std::make_shared<const BlockedWeights>(desc)};
}

Desc weights_desc(const Format& format, const Dims& dims) {
  return format.weights ? format.weights->desc() : row_major(dims);
}

void copy_weights(const Format& from, const void* src, const Format& to, void* dst) {
  const Dims dims = dims_of((from.weights ? from : to).weights->desc());
  dnnl::memory source(weights_desc(from, dims), cpu(), const_cast<void*>(src));
  dnnl::memory target(weights_desc(to, dims), cpu(), dst);
  dnnl::reorder(source, target).execute(stream(), source, target);
  stream().wait();
}

std::string describe(const Desc& desc) {
  const Blocking blocking = blocking_of(desc);
  std::vector<std::size_t> order(blocking.strides.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{},
                           [&](std::size_t d) { return blocking.strides[d]; });
  std::string text;
  for (const std::size_t d : order) {
    const bool blocked =
        std::ranges::find(blocking.inner_dimensions, static_cast<std::int64_t>(d)) !=
        blocking.inner_dimensions.end();
    text += static_cast<char>((blocked ? 'A' : 'a') + static_cast<char>(d));
  }
  for (std::size_t i = 0; i < blocking.inner_blocks.size(); ++i) {
    text += std::to_string(blocking.inner_blocks[i]);
    text += static_cast<char>('a' + static_cast<char>(blocking.inner_dimensions[i]));
  }
  return text;
}

dnnl::primitive_attr user_scratchpad() {
  dnnl::primitive_attr attributes;
  attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
  return attributes;
}

std::optional<dnnl::primitive_attr> with_post_ops(Accumulate accumulate,
                                                  std::optional<ops::Function> function,
                                                  float negative_slope) {
  dnnl::post_ops post_ops;
  if (accumulate == Accumulate::kYes) post_ops.append_sum(1);
  if (function && !append_function(post_ops, *function, negative_slope)) return std::nullopt;
  dnnl::primitive_attr attributes = user_scratchpad();
  attributes.set_post_ops(post_ops);
  return attributes;
}

std::optional<dnnl::convolution_forward::primitive_desc> convolution_forward(
    prop_kind kind, const Desc& src, const Desc& weights, const Desc& bias, const Desc& dst,
    const ConvolutionGeometry& g, const dnnl::primitive_attr& attributes) {
  using Forward = dnnl::convolution_forward;
  return attempt([&] {
#if DNNL_VERSION_MAJOR >= 3
    if (empty(bias)) {
      return Forward::primitive_desc(cpu(), kind, algorithm::convolution_direct, src, weights, dst,
                                     g.strides, g.dilates, g.padding_begin, g.padding_end,
                                     attributes);
    }
    return Forward::primitive_desc(cpu(), kind, algorithm::convolution_direct, src, weights, bias,
                                   dst, g.strides, g.dilates, g.padding_begin, g.padding_end,
                                   attributes);
#else
    const auto desc =
        empty(bias) ? Forward::desc(kind, algorithm::convolution_direct, src, weights, dst,
                                    g.strides, g.dilates, g.padding_begin, g.padding_end)
                    : Forward::desc(kind, algorithm::convolution_direct, src, weights, bias, dst,
                                    g.strides, g.dilates, g.padding_begin, g.padding_end);
    return Forward::primitive_desc(desc, attributes, cpu());
#endif
  });
}

std::optional<dnnl::convolution_backward_data::primitive_desc> convolution_backward_data(
    const Desc& diff_src, const Desc& weights, const Desc& diff_dst, const ConvolutionGeometry& g) {
  using Backward = dnnl::convolution_backward_data;
  const auto hint =
      convolution_forward(prop_kind::forward_training, diff_src, weights, {}, diff_dst, g);
  if (!hint) return std::nullopt;
  return attempt([&] {
#if DNNL_VERSION_MAJOR >= 3
    return Backward::primitive_desc(cpu(), algorithm::convolution_direct, diff_src, weights,
                                    diff_dst, g.strides, g.dilates, g.padding_begin, g.padding_end,
                                    *hint, user_scratchpad());
#else
    return Backward::primitive_desc(
        Backward::desc(algorithm::convolution_direct, diff_src, weights, diff_dst, g.strides,
                       g.dilates, g.padding_begin, g.padding_end),
        user_scratchpad(), cpu(), *hint);
#endif
  });
}

std::optional<dnnl::convolution_backward_weights::primitive_desc> convolution_backward_weights(
    const Desc& src, const Desc& diff_weights, const Desc& diff_bias, const Desc& diff_dst,
    const ConvolutionGeometry& g) {
  using Backward = dnnl::convolution_backward_weights;
  const auto hint =
      convolution_forward(prop_kind::forward_training, src, diff_weights, diff_bias, diff_dst, g);
  if (!hint) return std::nullopt;
  return attempt([&] {
#if DNNL_VERSION_MAJOR >= 3
    if (empty(diff_bias)) {
      return Backward::primitive_desc(cpu(), algorithm::convolution_direct, src, diff_weights,
                                      diff_dst, g.strides, g.dilates, g.padding_begin,
                                      g.padding_end, *hint, user_scratchpad());
    }
    return Backward::primitive_desc(cpu(), algorithm::convolution_direct, src, diff_weights,
                                    diff_bias, diff_dst, g.strides, g.dilates, g.padding_begin,
                                    g.padding_end, *hint, user_scratchpad());
#else
    const auto desc =
        empty(diff_bias)
            ? Backward::desc(algorithm::convolution_direct, src, diff_weights, diff_dst, g.strides,
                             g.dilates, g.padding_begin, g.padding_end)
            : Backward::desc(algorithm::convolution_direct, src, diff_weights, diff_bias, diff_dst,
                             g.strides, g.dilates, g.padding_begin, g.padding_end);
    return Backward::primitive_desc(desc, user_scratchpad(), cpu(), *hint);
#endif
  });
}

std::optional<dnnl::matmul::primitive_desc> matmul(const Desc& a, const Desc& b, const Desc& bias,
                                                   const Desc& c) {
  using Matmul = dnnl::matmul;
  return attempt([&] {
#if DNNL_VERSION_MAJOR >= 3
    if (empty(bias)) return Matmul::primitive_desc(cpu(), a, b, c, user_scratchpad());
    return Matmul::primitive_desc(cpu(), a, b, bias, c, user_scratchpad());
#else
    const auto desc = empty(bias) ? Matmul::desc(a, b, c) : Matmul::desc(a, b, bias, c);
    return Matmul::primitive_desc(desc, user_scratchpad(), cpu());
#endif
  });
}

}  // namespace equipoise::engine::onednn
