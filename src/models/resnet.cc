#include <cmath>

#include <fmt/format.h>

#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Function;

enum class Block : std::uint8_t { kBasic, kBottleneck };
enum class Shortcuts : std::uint8_t { kYes, kNone };

/// A row of table 1 of He et al. 2015, or of section 4.2 for small images.
struct ResNet {
  Block block = Block::kBasic;
  /// Blocks of each stage.
  std::vector<int> stages;
  std::int64_t first_width = 64;
  Shortcuts shortcuts = Shortcuts::kYes;
};

/// Two 3 × 3 convolutions; the bottleneck's are 1 × 1, 3 × 3 and 1 × 1 with four times the width.
/// The stride is in the first 3 × 3, as in torchvision.
TensorId residual_branch(NetworkBuilder& net, const std::string& name, TensorId x, Block block,
                         std::int64_t width, std::int64_t stride, double last_gamma) {
  if (block == Block::kBottleneck) {
    x = net.convolution(name + ".conv1", x, {.out = width});
    x = net.activate(name + ".relu1", net.norm(name + ".bn1", x), Function::kRelu);
    x = net.convolution(name + ".conv2", x, {.out = width, .kernel = 3, .stride = stride});
    x = net.activate(name + ".relu2", net.norm(name + ".bn2", x), Function::kRelu);
    x = net.convolution(name + ".conv3", x, {.out = 4 * width});
    return net.norm(name + ".bn3", x, last_gamma);
  }
  x = net.convolution(name + ".conv1", x, {.out = width, .kernel = 3, .stride = stride});
  x = net.activate(name + ".relu1", net.norm(name + ".bn1", x), Function::kRelu);
  x = net.convolution(name + ".conv2", x, {.out = width, .kernel = 3});
  return net.norm(name + ".bn2", x, last_gamma);
}

/// x itself, or projected where the branch changes its shape (option B).
TensorId shortcut(NetworkBuilder& net, const std::string& name, TensorId x, TensorId branch,
                  std::int64_t stride) {
  if (net.shape(x) == net.shape(branch)) return x;
  x = net.convolution(name + ".downsample.0", x, {.out = net.channels(branch), .stride = stride});
  return net.norm(name + ".downsample.1", x);
}

TensorId stages(NetworkBuilder& net, TensorId x, const ResNet& resnet) {
  int block_count = 0;
  for (const int blocks : resnet.stages) block_count += blocks;
  int block = 0;
  std::int64_t width = resnet.first_width;
  for (std::size_t stage = 0; stage < resnet.stages.size(); ++stage, width *= 2) {
    for (int i = 0; i < resnet.stages[stage]; ++i) {
      const std::string name = fmt::format("layer{}.{}", stage + 1, i);
      const std::int64_t stride = stage > 0 && i == 0 ? 2 : 1;
      const bool plain = resnet.shortcuts == Shortcuts::kNone;
      TensorId y =
          residual_branch(net, name, x, resnet.block, width, stride, plain ? 1 : net.last_gamma());
      ++block;
      if (!plain) {
        y = net.stochastic_depth(name + ".stochastic_depth", y,
                                 net.settings().stochastic_depth * block / block_count);
        y = ops::add(net.graph(), name + ".add", y, shortcut(net, name, x, y, stride));
      }
      x = net.activate(name + ".relu", y, Function::kRelu);
    }
  }
  return x;
}

void classify(NetworkBuilder& net, TensorId x) {
  x = ops::global_average_pool(net.graph(), "avgpool", x);
  x = net.dropout("dropout", ops::flatten(net.graph(), "flatten", x));
  const double limit = 1 / std::sqrt(static_cast<double>(net.channels(x)));
  net.classify("fc", x, {.weight = uniform(limit), .bias = uniform(limit)});
}

void build(NetworkBuilder& net, const ResNet& resnet) {
  TensorId x = net.convolution("conv1", net.image(), {.out = 64, .kernel = 7, .stride = 2});
  x = net.activate("relu", net.norm("bn1", x), Function::kRelu);
  x = ops::max_pool(net.graph(), "maxpool", x,
                    {.kernel = {3, 3}, .stride = {2, 2}, .padding = ops::Edges::all(1)});
  classify(net, stages(net, x, resnet));
}

void build_small(NetworkBuilder& net, const ResNet& resnet) {
  TensorId x = net.convolution("conv1", net.image(), {.out = resnet.first_width, .kernel = 3});
  x = net.activate("relu", net.norm("bn1", x), Function::kRelu);
  classify(net, stages(net, x, resnet));
}

ModelEntry large(std::string_view name, Block block, std::vector<int> blocks) {
  return {.name = name,
          .defaults = {},
          .build = [resnet = ResNet{.block = block, .stages = std::move(blocks)}](
                       NetworkBuilder& net) { build(net, resnet); }};
}

/// 6n + 2 layers with weights.
ModelEntry small(std::string_view name, int n, Shortcuts shortcuts = Shortcuts::kYes) {
  return {
      .name = name,
      .defaults = {.classes = 10, .input_size = {32, 32}},
      .build = [resnet = ResNet{.stages = {n, n, n}, .first_width = 16, .shortcuts = shortcuts}](
                   NetworkBuilder& net) { build_small(net, resnet); }};
}

}  // namespace

std::vector<ModelEntry> resnet_entries() {
  return {
      large("resnet18", Block::kBasic, {2, 2, 2, 2}),
      large("resnet34", Block::kBasic, {3, 4, 6, 3}),
      large("resnet50", Block::kBottleneck, {3, 4, 6, 3}),
      large("resnet101", Block::kBottleneck, {3, 4, 23, 3}),
      small("resnet8", 1),
      small("resnet14", 2),
      small("resnet20", 3),
      small("resnet32", 5),
      small("resnet56", 9),
      small("plain20", 3, Shortcuts::kNone),
      small("plain56", 9, Shortcuts::kNone),
  };
}

}  // namespace equipoise
