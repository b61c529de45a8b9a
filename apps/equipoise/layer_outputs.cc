#include "layer_outputs.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <numeric>
#include <optional>

#include "equipoise/norm.h"
#include "equipoise/norm_summary.h"
#include "equipoise/summary.h"

namespace equipoise::program {
namespace {

/// Of a folder of images, those of one class follow each other.
constexpr std::int64_t kBatches = 8;

struct Layer {
  std::string name;
  /// The tensor that it passes on.
  std::string output;
};

/// The normalization that is the only one to read a tensor.
std::optional<std::size_t> normalized_by(const Graph& network, TensorId tensor,
                                         const std::vector<NormSummary>& norms) {
  std::optional<std::size_t> reader;
  for (std::size_t i = 0; i < network.nodes().size(); ++i) {
    if (std::ranges::find(network.nodes()[i].inputs, tensor) == network.nodes()[i].inputs.end()) {
      continue;
    }
    if (reader) return std::nullopt;
    reader = i;
  }
  if (!reader) return std::nullopt;
  const std::string& name = network.nodes()[*reader].name;
  return std::ranges::find(norms, name, &NormSummary::name) == norms.end() ? std::nullopt : reader;
}

std::vector<Layer> layers_of(const Graph& network) {
  const std::vector<NormSummary> norms = summarize_norms(network);
  const std::vector<LayerSummary> all = summarize(network).layers;
  std::vector<Layer> layers;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (all[i].operation != "convolution" && all[i].operation != "linear") continue;
    TensorId output = network.nodes()[i].outputs.front();
    if (const auto norm = normalized_by(network, output, norms)) {
      output = network.nodes()[*norm].outputs.front();
    }
    layers.push_back({.name = all[i].name, .output = network.tensor(output).name});
  }
  return layers;
}

/// Of all values of a result (N, C, …).
Moments moments_of(const ConstTensorView& y) {
  std::vector<Moments> channels(static_cast<std::size_t>(y.shape[1]));
  moments(y, {.samples = y.shape[0], .channels = 1}, {}, channels);
  return std::reduce(channels.begin(), channels.end(), Moments(), merge);
}

}  // namespace

std::vector<LayerOutput> layer_outputs(const Graph& network, State& state, BatchSource& source) {
  const std::vector<Layer> layers = layers_of(network);
  SessionOptions options;
  for (const Layer& layer : layers) options.taps.push_back(layer.output);
  Session session(network, std::move(options));
  std::vector<Moments> all(layers.size());
  const std::int64_t batches = std::min(source.batches(), kBatches);
  for (std::int64_t b = 0; b < batches; ++b) {
    source.start(0, b * source.batches() / batches);
    std::vector<Input> inputs;
    for (const Input& input : source.next()) {
      if (network.find_tensor(input.name)) inputs.push_back(input);
    }
    const Results results = session.run(inputs, {.state = &state});
    for (std::size_t i = 0; i < layers.size(); ++i) {
      all[i] = merge(all[i], moments_of(results.view(layers[i].output)));
    }
  }
  std::vector<LayerOutput> outputs;
  outputs.reserve(layers.size());
  for (std::size_t i = 0; i < layers.size(); ++i) {
    outputs.push_back({.name = layers[i].name, .std = std::sqrt(all[i].variance())});
  }
  return outputs;
}

}  // namespace equipoise::program
