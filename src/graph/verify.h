#pragma once

#include <vector>

#include "equipoise/graph.h"

namespace equipoise {

/// The types of all outputs of a node whose inputs are tensors of the graph. Throws Error, naming
/// the node and its tensors, for a wrong number of inputs, one that is missing, or types that do
/// not fit.
std::vector<TensorType> infer_node(const Graph& graph, const Node& node);

}  // namespace equipoise
