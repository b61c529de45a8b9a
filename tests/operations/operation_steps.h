#pragma once

#include <span>
#include <string>
#include <string_view>

#include "equipoise/graph.h"

namespace equipoise::testing {

/// The node that computes what is checked.
const Node& checked_node(const Graph& graph, TensorId result);

/// Whether a step is that node, fused with others or not.
bool is_of_node(std::string_view step, std::span<const std::string> made_of, std::string_view node);

/// Whether a step is of the node's gradient: differentiation calls what it adds "<node>.<suffix>".
/// Reorders are called after the tensor that they take, and are of no node.
bool is_of_gradient(std::string_view step, std::string_view operation, std::string_view node);

}  // namespace equipoise::testing
