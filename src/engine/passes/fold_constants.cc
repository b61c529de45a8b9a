#include <algorithm>

#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "graph/interpreter.h"
#include "graph/operation.h"
#include "ops/dropout.h"

namespace equipoise::engine {
namespace {

/// The values of a node that reads constants alone, as constants of the graph.
std::vector<TensorId> fold(Graph& graph, const Node& node) {
  std::vector<Array> inputs(node.inputs.size());
  std::vector<const Array*> given(node.inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    if (!node.inputs[i]) continue;
    inputs[i] = constant_values(graph.tensor(node.inputs[i]));
    given[i] = &inputs[i];
  }
  const std::vector<Array> outputs = evaluate(graph, node, given, {});
  std::vector<TensorId> constants(outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i]) continue;
    const TensorInfo info = graph.tensor(node.outputs[i]);
    constants[i] = graph.add_constant(info.name + ".value", info.type.shape,
                                      {outputs[i].values.begin(), outputs[i].values.end()});
  }
  return constants;
}

}  // namespace

void fold_constants(Plan& plan, const SessionOptions& /*options*/) {
  const auto index = [](TensorId id) { return static_cast<std::size_t>(id.index); };
  const std::vector<Node> nodes(plan.graph.nodes().begin(), plan.graph.nodes().end());
  std::vector<TensorId> replaced(plan.graph.tensors().size());
  std::vector<Node> kept;
  for (Node node : nodes) {
    for (TensorId& id : node.inputs) {
      if (id && replaced[index(id)]) id = replaced[index(id)];
    }
    const auto outside = [&](TensorId id) {
      return !id || std::ranges::find(plan.graph.outputs(), id) == plan.graph.outputs().end();
    };
    // Another draw in every step, also of a constant.
    const bool random = dynamic_cast<const Dropout*>(node.operation.get()) != nullptr;
    const bool constant =
        !random && !node.inputs.empty() &&
        std::ranges::all_of(node.inputs,
                            [&](TensorId id) {
                              return !id || plan.graph.tensor(id).role == TensorRole::kConstant;
                            }) &&
        std::ranges::all_of(node.outputs, [&](TensorId id) {
          return outside(id) && (!id || !plan.graph.tensor(id).type.record);
        });
    if (!constant) {
      kept.push_back(std::move(node));
      continue;
    }
    const std::vector<TensorId> values = fold(plan.graph, node);
    plan.removed.push_back(
        {.name = node.name, .why = "it reads constants alone, so that its result is one, too"});
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (node.outputs[i]) replaced[index(node.outputs[i])] = values[i];
    }
  }
  rewrite(plan, std::move(kept));
}

}  // namespace equipoise::engine
