#pragma once

#include <map>
#include <string>
#include <vector>

#include "equipoise/models.h"
#include "equipoise/session.h"
#include "graph/array.h"

namespace equipoise::testing {

/// A network with a loss that an interpreter runs in a blink.
struct SmallNetwork {
  std::string name;
  Graph graph;
};

/// mlp, resnet8, an encoder and a block of EfficientNet (a depthwise convolution, squeeze and
/// excitation, SiLU), with random operations where they have any.
std::vector<std::string> small_network_names();
SmallNetwork small_network(const std::string& name, ModelNorm::Kind norm);

/// The same as inference means it: running statistics, and nothing is dropped.
SmallNetwork small_network_in_inference(const std::string& name, ModelNorm::Kind norm);

constexpr std::int64_t kBatchOfNetworks = 4;

/// Inputs, parameters and buffers, of numbers that an f32 holds: parameters as they are
/// initialized, γ, β and running statistics a little off.
std::map<std::string, Array> values_of(const Graph& graph);

/// |actual − expected| of the largest element, relative to the largest that is expected.
double relative_error(std::span<const double> actual, std::span<const double> expected);

}  // namespace equipoise::testing
