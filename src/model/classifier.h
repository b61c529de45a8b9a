#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/image.h"

namespace equipoise::model {

/// Where a network that classifies images has what a classifier has.
struct Classifier {
  /// To the size of the input `image`, for a file that says nothing of it.
  Preprocessing preprocessing;
  std::string logits;
  std::int64_t classes = 0;
  /// What the layer that computes the logits reads; empty if that is not a linear one.
  std::string features;
  /// Parameters of that layer: weight, and bias if it has one.
  std::vector<std::string> head;
};

/// Nothing for a graph that has other inputs than images, or no output (N, classes).
std::optional<Classifier> find_classifier(const Graph& graph);

}  // namespace equipoise::model
