#include <fmt/format.h>

#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Function;

/// A row of table 2 of Sandler et al. 2018.
struct Bottlenecks {
  std::int64_t expansion;
  std::int64_t channels;
  int count;
  std::int64_t first_stride;
};

constexpr Bottlenecks kTable[] = {
    {1, 16, 1, 1}, {6, 24, 2, 2},  {6, 32, 3, 2},  {6, 64, 4, 2},
    {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1},
};

TensorId convolution_norm_relu6(NetworkBuilder& net, const std::string& name, TensorId x,
                                const ConvolutionLayer& layer) {
  x = net.convolution(name + ".0", x, layer);
  return net.activate(name + ".2", net.norm(name + ".1", x), Function::kRelu6);
}

/// Expand, filter each channel, project without activation.
TensorId bottleneck(NetworkBuilder& net, const std::string& name, TensorId x,
                    const Bottlenecks& row, std::int64_t stride, double drop_probability) {
  const std::int64_t hidden = row.expansion * net.channels(x);
  const bool shortcut = stride == 1 && net.channels(x) == row.channels;
  int layer = 0;
  TensorId y = x;
  if (row.expansion != 1) {
    y = convolution_norm_relu6(net, fmt::format("{}.conv.{}", name, layer++), y, {.out = hidden});
  }
  y = convolution_norm_relu6(net, fmt::format("{}.conv.{}", name, layer++), y,
                             {.out = hidden, .kernel = 3, .stride = stride, .groups = hidden});
  y = net.convolution(fmt::format("{}.conv.{}", name, layer++), y, {.out = row.channels});
  y = net.norm(fmt::format("{}.conv.{}", name, layer), y, shortcut ? net.last_gamma() : 1);
  if (!shortcut) return y;
  y = net.stochastic_depth(name + ".stochastic_depth", y, drop_probability);
  return ops::add(net.graph(), name + ".add", y, x);
}

void build(NetworkBuilder& net) {
  int block_count = 0;
  for (const Bottlenecks& row : kTable) block_count += row.count;
  TensorId x =
      convolution_norm_relu6(net, "features.0", net.image(), {.out = 32, .kernel = 3, .stride = 2});
  int block = 0;
  for (const Bottlenecks& row : kTable) {
    for (int i = 0; i < row.count; ++i) {
      ++block;
      x = bottleneck(net, fmt::format("features.{}", block), x, row, i == 0 ? row.first_stride : 1,
                     net.settings().stochastic_depth * block / block_count);
    }
  }
  x = convolution_norm_relu6(net, fmt::format("features.{}", block + 1), x, {.out = 1280});
  x = ops::global_average_pool(net.graph(), "avgpool", x);
  x = net.dropout("classifier.0", ops::flatten(net.graph(), "flatten", x));
  net.classify("classifier.1", x, {.weight = normal(0.01)});
}

}  // namespace

std::vector<ModelEntry> mobilenet_entries() {
  return {{.name = "mobilenet_v2", .defaults = {.dropout = 0.2}, .build = build}};
}

}  // namespace equipoise
