#pragma once

#include <cstdint>

#include "equipoise/graph.h"
#include "model/classifier.h"

namespace equipoise::model {

/// The graph up to what its last linear layer reads, and behind that the layer anew, with an output
/// per class: "logits", the graph's output. Its parameters are called as before, are initialized as
/// PyTorch's linear layers are, uniformly in ±1/√features, and are not frozen.
///
/// Throws Error if something else reads one of them, too. REQUIRES: classifier.head is not empty.
Graph with_head(const Graph& graph, const Classifier& classifier, std::int64_t classes);

}  // namespace equipoise::model
