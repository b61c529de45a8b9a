#include "engine/networks.h"

#include <algorithm>
#include <cmath>

#include "base/larger.h"
#include "base/random.h"
#include "equipoise/operations.h"

namespace equipoise::testing {
namespace {

using ops::Function;

constexpr std::int64_t kClasses = 5;
constexpr std::int64_t kTokens = 12;
constexpr std::int64_t kLength = 6;

/// How networks differ between training and inference.
struct Behaviour {
  Statistics statistics;
  double dropped;
};
constexpr Behaviour kTraining = {.statistics = Statistics::kBatch, .dropped = 0.3};
constexpr Behaviour kInference = {.statistics = Statistics::kRunning, .dropped = 0};

/// Layers of the block below, by the name of the layer.
class BlockBuilder {
 public:
  BlockBuilder(ModelNorm::Kind norm, Behaviour behaviour) : norm_(norm), behaviour_(behaviour) {}

  Graph& graph() { return graph_; }

  /// Batch normalization takes out what a bias adds, whose gradient is 0 but for rounding.
  TensorId convolution_norm(const std::string& name, TensorId x, std::int64_t out,
                            std::int64_t kernel, std::int64_t groups = 1) {
    const bool has_bias = norm_ != ModelNorm::Kind::kBatch;
    return norm(name + ".norm", convolution(name, x, out, kernel, groups, has_bias));
  }

  TensorId convolution(const std::string& name, TensorId x, std::int64_t out, std::int64_t kernel,
                       std::int64_t groups = 1, bool has_bias = true) {
    const std::int64_t in = graph_.tensor(x).type.shape[1] / groups;
    const double deviation = std::sqrt(2.0 / static_cast<double>(in * kernel * kernel));
    const TensorId weight =
        graph_.add_parameter(name + ".weight", {out, in, kernel, kernel},
                             {.kind = Initialization::Kind::kNormal, .value = deviation});
    TensorId bias;
    if (has_bias) bias = graph_.add_parameter(name + ".bias", {out});
    return ops::convolution(graph_, name, x, weight, bias,
                            {.padding = ops::Edges::all(kernel / 2), .groups = groups});
  }

  TensorId norm(const std::string& name, TensorId x) {
    if (norm_ == ModelNorm::Kind::kNone) return x;
    const std::int64_t channels = graph_.tensor(x).type.shape[1];
    ops::NormInputs inputs{.x = x};
    inputs.weight = graph_.add_parameter(name + ".weight", {channels}, {.value = 1});
    inputs.bias = graph_.add_parameter(name + ".bias", {channels});
    if (norm_ == ModelNorm::Kind::kGroup) return ops::group_norm(graph_, name, inputs, 4);
    inputs.running_mean = graph_.add_buffer(name + ".running_mean", {channels});
    inputs.running_var = graph_.add_buffer(name + ".running_var", {channels}, {.value = 1});
    return ops::batch_norm(graph_, name, inputs, {.statistics = behaviour_.statistics});
  }

  TensorId silu(const std::string& name, TensorId x) {
    return ops::activate(graph_, name, x, Function::kSilu);
  }

  TensorId stochastic_depth(const std::string& name, TensorId x) {
    return behaviour_.dropped > 0 ? ops::stochastic_depth(graph_, name, x, behaviour_.dropped) : x;
  }

 private:
  Graph graph_{"mbconv"};
  ModelNorm::Kind norm_;
  Behaviour behaviour_;
};

/// Tan & Le 2019: expand, convolve each channel, weigh channels, project; around it a shortcut.
Graph mbconv(ModelNorm::Kind norm, Behaviour behaviour) {
  BlockBuilder net(norm, behaviour);
  Graph& graph = net.graph();
  const TensorId image = graph.add_input("image", {GraphShape::kBatch, 3, 9, 9});
  const TensorId x = net.silu("stem.act", net.convolution_norm("stem", image, 8, 3));
  TensorId y = net.silu("expand.act", net.convolution_norm("expand", x, 24, 1));
  y = net.silu("depthwise.act", net.convolution_norm("depthwise", y, 24, 5, 24));
  TensorId scale = ops::global_average_pool(graph, "squeeze", y);
  scale = net.silu("reduce.act", net.convolution("reduce", scale, 4, 1));
  scale = ops::activate(graph, "excite.act", net.convolution("excite", scale, 24, 1),
                        Function::kSigmoid);
  y = ops::multiply(graph, "weighed", y, scale);
  y = net.stochastic_depth("drop", net.convolution_norm("project", y, 8, 1));
  y = ops::add(graph, "add", y, x);
  y = ops::flatten(graph, "flatten", ops::global_average_pool(graph, "pool", y));
  const TensorId weight = graph.add_parameter(
      "fc.weight", {kClasses, 8}, {.kind = Initialization::Kind::kUniform, .value = 0.5});
  graph.add_output(ops::linear(graph, "logits", y, weight));
  return std::move(graph);
}

Graph build(const std::string& name, ModelNorm::Kind norm, Behaviour behaviour) {
  if (name == "mbconv") return mbconv(norm, behaviour);
  ModelOptions options{.classes = kClasses,
                       .norm = {.kind = norm, .groups = 4, .statistics = behaviour.statistics},
                       .dropout = behaviour.dropped,
                       .stochastic_depth = behaviour.dropped};
  if (name == "resnet8") options.input_size = {16, 16};
  if (name == "mlp") {
    options.input_size = {6, 6};
    options.hidden = {{16, 12}};
  }
  if (name == "encoder") {
    options.encoder = {.vocabulary = kTokens,
                       .length = kLength,
                       .width = 16,
                       .heads = 2,
                       .layers = 2,
                       .mlp_width = 24};
  }
  return build_model(name, options);
}

SmallNetwork with_loss(const std::string& name, ModelNorm::Kind norm, Behaviour behaviour) {
  SmallNetwork network{.name = name, .graph = build(name, norm, behaviour)};
  add_classification_loss(network.graph);
  return network;
}

}  // namespace

std::vector<std::string> small_network_names() { return {"mlp", "resnet8", "encoder", "mbconv"}; }

SmallNetwork small_network(const std::string& name, ModelNorm::Kind norm) {
  return with_loss(name, norm, kTraining);
}

SmallNetwork small_network_in_inference(const std::string& name, ModelNorm::Kind norm) {
  return with_loss(name, norm, kInference);
}

std::map<std::string, Array> values_of(const Graph& graph) {
  const State state(graph, 3);
  std::map<std::string, Array> values;
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kResult || info.role == TensorRole::kConstant) continue;
    Array array(info.type.shape.resolve(kBatchOfNetworks));
    const auto random = [&](std::int64_t i) {
      return static_cast<double>(uniform(name_key(info.name), static_cast<std::uint64_t>(i)));
    };
    for (std::int64_t i = 0; i < array.size(); ++i) {
      if (info.type.dtype == DType::kI32) {
        array[i] =
            std::floor(random(i) * static_cast<double>(info.name == "tokens" ? kTokens : kClasses));
      } else if (info.name == "mask") {
        array[i] = i % kLength < 3 + i / kLength ? 1 : 0;
      } else if (info.role == TensorRole::kInput) {
        array[i] = 2 * random(i) - 1;
      } else {
        const float initial = state.values(info.name)[static_cast<std::size_t>(i)];
        const bool vector = info.type.shape.rank() == 1;
        array[i] = static_cast<double>(initial) + (vector ? 0.6 * random(i) - 0.3 : 0);
      }
      array[i] = static_cast<double>(static_cast<float>(array[i]));
    }
    values[info.name] = std::move(array);
  }
  return values;
}

double relative_error(std::span<const double> actual, std::span<const double> expected) {
  if (actual.size() != expected.size()) return HUGE_VAL;
  double largest = 1e-6;
  double difference = 0;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    largest = std::max(largest, std::abs(expected[i]));
    difference = larger(difference, std::abs(actual[i] - expected[i]));
  }
  return difference / largest;
}

}  // namespace equipoise::testing
