#include <cmath>

#include <fmt/format.h>

#include "models/network_builder.h"

namespace equipoise {
namespace {

using ops::Function;

/// He et al. 2015 for what is about linear above 0, Glorot & Bengio 2010 for the rest.
Initialization weight_initialization(Function activation, std::int64_t in, std::int64_t out) {
  if (activation == Function::kSigmoid || activation == Function::kTanh ||
      activation == Function::kHardSigmoid) {
    return uniform(std::sqrt(6.0 / static_cast<double>(in + out)));
  }
  return normal(std::sqrt(2.0 / static_cast<double>(in)));
}

/// Ioffe & Szegedy 2015, section 4.1.
void build(NetworkBuilder& net) {
  const Function activation = net.options().mlp_activation;
  TensorId x = ops::flatten(net.graph(), "flatten", net.image());
  int layer = 1;
  for (const std::int64_t width : net.settings().hidden) {
    const auto named = [&](std::string_view what) { return fmt::format("{}{}", what, layer); };
    x = net.linear(named("fc"), x, width,
                   {.weight = weight_initialization(activation, net.channels(x), width)},
                   Bias::kUnlessNormalized);
    x = net.activate(named("activation"), net.norm(named("norm"), x), activation);
    ++layer;
  }
  x = net.dropout("dropout", x);
  const Initialization glorot =
      weight_initialization(Function::kSigmoid, net.channels(x), net.settings().classes);
  net.classify(fmt::format("fc{}", layer), x, {.weight = glorot});
}

}  // namespace

std::vector<ModelEntry> mlp_entries() {
  return {{.name = "mlp",
           .defaults = {.classes = 10,
                        .input_channels = 1,
                        .input_size = {28, 28},
                        .hidden = {100, 100, 100}},
           .takes = ModelEntry::Takes::kImageAndHidden,
           .build = build}};
}

}  // namespace equipoise
