#include <algorithm>
#include <vector>

#include "engine/passes/pass.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

bool updates_anything(const Node& node) {
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] && node.operation->updates(static_cast<int>(i)) >= 0) return true;
  }
  return false;
}

}  // namespace

void remove_dead_nodes(Plan& plan, const SessionOptions& /*options*/) {
  std::vector<bool> read(plan.graph.tensors().size());
  const auto is_read = [&](TensorId id) { return id && read[static_cast<std::size_t>(id.index)]; };
  for (const TensorId id : plan.graph.outputs()) read[static_cast<std::size_t>(id.index)] = true;
  std::vector<Node> kept;
  const std::vector<Node> backward(plan.graph.nodes().rbegin(), plan.graph.nodes().rend());
  for (const Node& node : backward) {
    if (!updates_anything(node) && std::ranges::none_of(node.outputs, is_read)) continue;
    for (const TensorId id : node.inputs) {
      if (id) read[static_cast<std::size_t>(id.index)] = true;
    }
    kept.push_back(node);
    const Signature signature = node.operation->signature();
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      TensorId& id = kept.back().outputs[i];
      if (signature.outputs[i].optional && !is_read(id) &&
          node.operation->updates(static_cast<int>(i)) < 0) {
        id = {};
      }
    }
  }
  std::ranges::reverse(kept);
  rewrite(plan, std::move(kept));
}

}  // namespace equipoise::engine
