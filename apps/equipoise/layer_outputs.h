#pragma once

#include <string>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/session.h"
#include "equipoise/train.h"

namespace equipoise::program {

/// What a layer passes on: a convolution or linear layer together with the normalization behind it.
struct LayerOutput {
  /// Of the convolution or linear layer.
  std::string name;
  /// √(mean (y − mean y)²) over all values for the images; not finite if one of them is not.
  double std = 0;
};

/// In inference, by up to 8 batches spread evenly over a source and the weights of a state; in the
/// order of the network.
std::vector<LayerOutput> layer_outputs(const Graph& network, State& state, BatchSource& source);

}  // namespace equipoise::program
