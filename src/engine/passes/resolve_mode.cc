#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "ops/dropout.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

/// As inference runs it: with running statistics, where there are any.
std::shared_ptr<const Operation> with_running(const Node& node, const Norm& norm) {
  if (norm.norm().kind != NormKind::kBatch || !node.inputs[Norm::kRunningMean]) {
    return node.operation;
  }
  NormAttributes attributes = norm.norm();
  attributes.statistics = Statistics::kRunning;
  attributes.update_running = false;
  attributes.renorm.reset();
  attributes.ghost_batch_size = 0;
  return std::make_shared<Norm>(attributes);
}

void resolve_training(Plan& plan, const SessionOptions& options) {
  if (options.frozen_norms == FrozenNorms::kAsBuilt) return;
  std::vector<Node> nodes(plan.graph.nodes().begin(), plan.graph.nodes().end());
  for (Node& node : nodes) {
    const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
    if (norm != nullptr && is_frozen(plan.graph, node)) {
      node.operation = with_running(node, *norm);
    }
  }
  rewrite(plan, std::move(nodes));
}

}  // namespace

void resolve_mode(Plan& plan, const SessionOptions& options) {
  if (plan.mode == Mode::kTraining) return resolve_training(plan, options);
  std::vector<TensorId> replaced(plan.graph.tensors().size());
  const auto replace = [&](TensorId& id) {
    if (id && replaced[static_cast<std::size_t>(id.index)]) {
      id = replaced[static_cast<std::size_t>(id.index)];
    }
  };
  std::vector<Node> kept;
  for (Node node : plan.graph.nodes()) {
    for (TensorId& id : node.inputs) replace(id);
    if (dynamic_cast<const Dropout*>(node.operation.get()) != nullptr) {
      replaced[static_cast<std::size_t>(node.outputs[0].index)] = node.inputs[0];
      const TensorInfo& x = plan.graph.tensor(node.inputs[0]);
      plan.removed.push_back(
          {.name = node.name,
           .by = x.producer ? plan.graph.node(x.producer).name : "",
           .why = fmt::format("in inference its result is '{}', which is given", x.name)});
      continue;
    }
    if (const auto* norm = dynamic_cast<const Norm*>(node.operation.get())) {
      node.operation = with_running(node, *norm);
    }
    kept.push_back(std::move(node));
  }
  for (Plan::Output& output : plan.outputs) replace(output.tensor);
  rewrite(plan, std::move(kept));
  // What only training needs: nobody has labels for a loss that is not computed.
  remove_dead_nodes(plan, options);
}

}  // namespace equipoise::engine
