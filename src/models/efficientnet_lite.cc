#include <cmath>

#include <fmt/format.h>

#include "models/efficientnet.h"
#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Function;

struct Names {
  std::string_view convolution;
  std::string_view norm;
};

/// EfficientNet-B0 without squeeze and excitation, with ReLU6, under timm's names. (Padding is
/// that of timm's efficientnet_lite0, the same on both sides; tf_efficientnet_lite0 differs.)
TensorId block(NetworkBuilder& net, const std::string& name, TensorId x, const MbConvStage& stage,
               std::int64_t stride, double drop_probability) {
  const std::int64_t in = net.channels(x);
  const std::int64_t expanded = in * stage.expansion;
  const bool expands = stage.expansion != 1;
  const bool shortcut = stride == 1 && in == stage.out;
  const auto convolution_norm = [&](TensorId input, Names names, const ConvolutionLayer& layer,
                                    double gamma = 1) {
    input = net.convolution(fmt::format("{}.{}", name, names.convolution), input, layer);
    return net.norm(fmt::format("{}.{}", name, names.norm), input, gamma);
  };
  TensorId y = x;
  if (expands) {
    y = convolution_norm(y, {"conv_pw", "bn1"}, {.out = expanded});
    y = net.activate(name + ".act1", y, Function::kRelu6);
  }
  y = convolution_norm(
      y, {"conv_dw", expands ? "bn2" : "bn1"},
      {.out = expanded, .kernel = stage.kernel, .stride = stride, .groups = expanded});
  y = net.activate(name + (expands ? ".act2" : ".act1"), y, Function::kRelu6);
  y = convolution_norm(y, expands ? Names{"conv_pwl", "bn3"} : Names{"conv_pw", "bn2"},
                       {.out = stage.out}, shortcut ? net.last_gamma() : 1);
  if (!shortcut) return y;
  y = net.stochastic_depth(name + ".drop_path", y, drop_probability);
  return ops::add(net.graph(), name + ".add", y, x);
}

void build(NetworkBuilder& net) {
  int block_count = 0;
  for (const MbConvStage& stage : kEfficientNetStages) block_count += stage.blocks;
  TensorId x = net.convolution("conv_stem", net.image(), {.out = 32, .kernel = 3, .stride = 2});
  x = net.activate("act1", net.norm("bn1", x), Function::kRelu6);
  int stage_number = 0;
  int block_number = 0;
  for (const MbConvStage& stage : kEfficientNetStages) {
    for (int i = 0; i < stage.blocks; ++i) {
      x = block(net, fmt::format("blocks.{}.{}", stage_number, i), x, stage,
                i == 0 ? stage.first_stride : 1,
                net.settings().stochastic_depth * block_number / block_count);
      ++block_number;
    }
    ++stage_number;
  }
  x = net.convolution("conv_head", x, {.out = 1280});
  x = net.activate("act2", net.norm("bn2", x), Function::kRelu6);
  x = ops::global_average_pool(net.graph(), "global_pool", x);
  x = net.dropout("dropout", ops::flatten(net.graph(), "flatten", x));
  const double limit = 1 / std::sqrt(static_cast<double>(net.settings().classes));
  net.classify("classifier", x, {.weight = uniform(limit)});
}

}  // namespace

std::vector<ModelEntry> efficientnet_lite_entries() {
  return {{.name = "efficientnet_lite0",
           .defaults = {.dropout = 0.2, .stochastic_depth = 0.2},
           .build = build}};
}

}  // namespace equipoise
