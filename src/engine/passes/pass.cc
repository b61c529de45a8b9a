#include "engine/passes/pass.h"

#include <algorithm>
#include <utility>

#include "graph/operation.h"

namespace equipoise::engine {

std::span<const Pass> passes() {
  static constexpr Pass kPasses[] = {
      {"resolve_mode", resolve_mode, false},
      {"fold_constants", fold_constants},
      {"fold_norms", fold_norms},
      {"fuse_norms", fuse_norms},
      {"fuse_convolutions", fuse_convolutions},
      {"add_gradients", add_gradients, false},
      {"fuse_gradients", fuse_gradients},
      {"remove_dead_nodes", remove_dead_nodes},
      {"choose_layouts", choose_implementations},
      {"repeat_norms", repeat_norms},
      {"prepare_state", prepare_state},
      {"reuse_memory", place_memory},
  };
  return kPasses;
}

bool skips(const SessionOptions& options, std::string_view pass) {
  return std::ranges::find(options.skip_passes, pass) != options.skip_passes.end();
}

std::vector<TensorId> rewrite(Plan& plan, std::vector<Node> nodes) {
  std::vector<TensorId> outputs;
  for (const Plan::Output& output : plan.outputs) outputs.push_back(output.tensor);
  if (plan.loss) outputs.push_back(plan.loss);
  if (plan.gradient_norm) outputs.push_back(plan.gradient_norm);
  std::vector<TensorId> map = plan.graph.rewrite(std::move(nodes), std::move(outputs));
  const auto renumber = [&](TensorId& id) {
    if (id) id = map[static_cast<std::size_t>(id.index)];
  };
  for (Plan::Output& output : plan.outputs) renumber(output.tensor);
  renumber(plan.loss);
  renumber(plan.gradient_norm);
  return map;
}

bool updates_anything(const Node& node) {
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i] && node.operation->updates(static_cast<int>(i)) >= 0) return true;
  }
  return false;
}

std::vector<int> count_readers(const Graph& graph) {
  std::vector<int> readers(graph.tensors().size());
  for (const Node& node : graph.nodes()) {
    for (const TensorId id : node.inputs) {
      if (id) ++readers[static_cast<std::size_t>(id.index)];
    }
  }
  for (const TensorId id : graph.outputs()) ++readers[static_cast<std::size_t>(id.index)];
  return readers;
}

}  // namespace equipoise::engine
