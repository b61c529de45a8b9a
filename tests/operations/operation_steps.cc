#include "operations/operation_steps.h"

#include <algorithm>

namespace equipoise::testing {

const Node& checked_node(const Graph& graph, TensorId result) {
  return graph.node(graph.tensor(result).producer);
}

bool is_of_node(std::string_view step, std::span<const std::string> made_of,
                std::string_view node) {
  return step == node || std::ranges::find(made_of, node) != made_of.end();
}

bool is_of_gradient(std::string_view step, std::string_view operation, std::string_view node) {
  return operation != "reorder" && step.size() > node.size() && step.starts_with(node) &&
         step[node.size()] == '.';
}

}  // namespace equipoise::testing
