#include "models/efficientnet.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Function;

/// How a network of the family is scaled from B0.
struct Scaling {
  double width;
  double depth;
};

/// The multiple of 8 nearest to the scaled number, but not less than 90 % of it.
std::int64_t scale_channels(std::int64_t channels, double width) {
  const double scaled = static_cast<double>(channels) * width;
  std::int64_t rounded = std::max<std::int64_t>(8, static_cast<std::int64_t>(scaled + 4) / 8 * 8);
  if (static_cast<double>(rounded) < 0.9 * scaled) rounded += 8;
  return rounded;
}

int scale_blocks(int blocks, double depth) { return static_cast<int>(std::ceil(blocks * depth)); }

TensorId convolution_norm(NetworkBuilder& net, const std::string& name, TensorId x,
                          const ConvolutionLayer& layer, double gamma = 1) {
  return net.norm(name + ".1", net.convolution(name + ".0", x, layer), gamma);
}

TensorId convolution_norm_silu(NetworkBuilder& net, const std::string& name, TensorId x,
                               const ConvolutionLayer& layer) {
  return net.activate(name + ".2", convolution_norm(net, name, x, layer), Function::kSilu);
}

/// Hu et al. 2018, figure 1: every channel is multiplied by a number in (0, 1) that depends on the
/// means of all.
TensorId squeeze_excitation(NetworkBuilder& net, const std::string& name, TensorId x,
                            std::int64_t squeezed) {
  TensorId scale = ops::global_average_pool(net.graph(), name + ".avgpool", x);
  scale = net.convolution(name + ".fc1", scale, {.out = squeezed}, Bias::kYes);
  scale = net.activate(name + ".activation", scale, Function::kSilu);
  scale = net.convolution(name + ".fc2", scale, {.out = net.channels(x)}, Bias::kYes);
  scale = net.activate(name + ".scale_activation", scale, Function::kSigmoid);
  return ops::multiply(net.graph(), name, x, scale);
}

TensorId mbconv(NetworkBuilder& net, const std::string& name, TensorId x, const MbConvStage& stage,
                std::int64_t out, std::int64_t stride, double drop_probability) {
  const std::int64_t in = net.channels(x);
  const std::int64_t expanded = scale_channels(in, static_cast<double>(stage.expansion));
  const bool shortcut = stride == 1 && in == out;
  int layer = 0;
  const auto next = [&] { return fmt::format("{}.block.{}", name, layer++); };
  TensorId y = x;
  if (expanded != in) y = convolution_norm_silu(net, next(), y, {.out = expanded});
  y = convolution_norm_silu(
      net, next(), y,
      {.out = expanded, .kernel = stage.kernel, .stride = stride, .groups = expanded});
  y = squeeze_excitation(net, next(), y, std::max<std::int64_t>(1, in / 4));
  y = convolution_norm(net, next(), y, {.out = out}, shortcut ? net.last_gamma() : 1);
  if (!shortcut) return y;
  y = net.stochastic_depth(name + ".stochastic_depth", y, drop_probability);
  return ops::add(net.graph(), name + ".add", y, x);
}

void build(NetworkBuilder& net, const Scaling& scaling) {
  int block_count = 0;
  for (const MbConvStage& stage : kEfficientNetStages) {
    block_count += scale_blocks(stage.blocks, scaling.depth);
  }
  TensorId x =
      convolution_norm_silu(net, "features.0", net.image(),
                            {.out = scale_channels(32, scaling.width), .kernel = 3, .stride = 2});
  int stage_number = 0;
  int block = 0;
  for (const MbConvStage& stage : kEfficientNetStages) {
    ++stage_number;
    for (int i = 0; i < scale_blocks(stage.blocks, scaling.depth); ++i) {
      x = mbconv(net, fmt::format("features.{}.{}", stage_number, i), x, stage,
                 scale_channels(stage.out, scaling.width), i == 0 ? stage.first_stride : 1,
                 net.settings().stochastic_depth * block / block_count);
      ++block;
    }
  }
  x = convolution_norm_silu(net, fmt::format("features.{}", stage_number + 1), x,
                            {.out = 4 * net.channels(x)});
  x = ops::global_average_pool(net.graph(), "avgpool", x);
  x = net.dropout("classifier.0", ops::flatten(net.graph(), "flatten", x));
  const double limit = 1 / std::sqrt(static_cast<double>(net.settings().classes));
  net.classify("classifier.1", x, {.weight = uniform(limit)});
}

ModelEntry efficientnet(std::string_view name, Scaling scaling, std::int64_t size, double dropout) {
  return {.name = name,
          .defaults = {.input_size = {size, size}, .dropout = dropout, .stochastic_depth = 0.2},
          .build = [scaling](NetworkBuilder& net) { build(net, scaling); }};
}

}  // namespace

std::vector<ModelEntry> efficientnet_entries() {
  return {
      efficientnet("efficientnet_b0", {.width = 1.0, .depth = 1.0}, 224, 0.2),
      efficientnet("efficientnet_b1", {.width = 1.0, .depth = 1.1}, 240, 0.2),
      efficientnet("efficientnet_b2", {.width = 1.1, .depth = 1.2}, 260, 0.3),
      efficientnet("efficientnet_b3", {.width = 1.2, .depth = 1.4}, 300, 0.3),
  };
}

}  // namespace equipoise
