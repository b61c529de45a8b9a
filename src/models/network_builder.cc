#include "models/network_builder.h"

#include <cmath>
#include <utility>

namespace equipoise {

Initialization constant(double value) {
  return {.kind = Initialization::Kind::kConstant, .value = value};
}

Initialization normal(double deviation) {
  return {.kind = Initialization::Kind::kNormal, .value = deviation};
}

Initialization uniform(double limit) {
  return {.kind = Initialization::Kind::kUniform, .value = limit};
}

NetworkBuilder::NetworkBuilder(std::string name, ModelSettings settings,
                               const ModelOptions& options)
    : graph_(std::move(name)), settings_(std::move(settings)), options_(options) {}

TensorId NetworkBuilder::image() {
  const auto [height, width] = settings_.input_size;
  return graph_.add_input("image", {GraphShape::kBatch, settings_.input_channels, height, width});
}

TensorId NetworkBuilder::convolution(const std::string& name, TensorId x,
                                     const ConvolutionLayer& layer, Bias bias) {
  const std::int64_t k = layer.kernel;
  const TensorId weight =
      graph_.add_parameter(name + ".weight", {layer.out, channels(x) / layer.groups, k, k},
                           normal(std::sqrt(2.0 / static_cast<double>(layer.out * k * k))));
  TensorId bias_parameter;
  if (bias == Bias::kYes || !norm_has_bias()) {
    bias_parameter = graph_.add_parameter(name + ".bias", {layer.out});
  }
  return ops::convolution(graph_, name, x, weight, bias_parameter,
                          {.stride = {layer.stride, layer.stride},
                           .padding = ops::Edges::all(k / 2),
                           .groups = layer.groups});
}

TensorId NetworkBuilder::linear(const std::string& name, TensorId x, std::int64_t out,
                                const LinearInitialization& initialization, Bias bias) {
  const bool has_bias = bias == Bias::kYes || !norm_has_bias();
  return linear(name, x, out, initialization, name + ".weight", has_bias ? name + ".bias" : "");
}

TensorId NetworkBuilder::linear(const std::string& name, TensorId x, std::int64_t out,
                                const LinearInitialization& initialization,
                                const std::string& weight_name, const std::string& bias_name) {
  const std::int64_t in = shape(x).dimensions().back();
  const TensorId weight = graph_.add_parameter(weight_name, {out, in}, initialization.weight);
  TensorId bias;
  if (!bias_name.empty()) bias = graph_.add_parameter(bias_name, {out}, initialization.bias);
  return ops::linear(graph_, name, x, weight, bias);
}

void NetworkBuilder::classify(const std::string& name, TensorId x,
                              const LinearInitialization& initialization) {
  graph_.add_output(
      linear("logits", x, settings_.classes, initialization, name + ".weight", name + ".bias"));
}

TensorId NetworkBuilder::dropout(const std::string& name, TensorId x) {
  return settings_.dropout > 0 ? ops::dropout(graph_, name, x, settings_.dropout) : x;
}

TensorId NetworkBuilder::stochastic_depth(const std::string& name, TensorId x, double probability) {
  return probability > 0 ? ops::stochastic_depth(graph_, name, x, probability) : x;
}

}  // namespace equipoise
