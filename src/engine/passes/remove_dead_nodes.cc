#include <algorithm>
#include <vector>

#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "graph/operation.h"

namespace equipoise::engine {

void remove_dead_nodes(Plan& plan, const SessionOptions& /*options*/) {
  std::vector<bool> read(plan.graph.tensors().size());
  const auto is_read = [&](TensorId id) { return id && read[static_cast<std::size_t>(id.index)]; };
  for (const TensorId id : plan.graph.outputs()) read[static_cast<std::size_t>(id.index)] = true;
  std::vector<Node> kept;
  const std::vector<Node> backward(plan.graph.nodes().rbegin(), plan.graph.nodes().rend());
  for (const Node& node : backward) {
    const bool updates = plan.mode == Mode::kTraining && updates_anything(node);
    if (!updates && std::ranges::none_of(node.outputs, is_read)) {
      plan.removed.push_back({.name = node.name,
                              .why = fmt::format("{} gives back nothing that needs it; name its "
                                                 "result in SessionOptions::taps",
                                                 to_string(plan.mode))});
      continue;
    }
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
