#include <algorithm>

#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "graph/operation.h"
#include "ops/dropout.h"

namespace equipoise::engine {
namespace {

Array array_of(const TensorInfo& constant) {
  Array array(constant.type.shape.resolve(1));
  array.values.assign(constant.values->begin(), constant.values->end());
  return array;
}

/// The values of a node that reads constants alone, as constants of the graph.
std::vector<TensorId> evaluate(Graph& graph, const Node& node) {
  std::vector<Array> inputs(node.inputs.size());
  std::vector<const Array*> input_pointers;
  for (std::size_t i = 0; i < node.inputs.size(); ++i) {
    if (node.inputs[i]) inputs[i] = array_of(graph.tensor(node.inputs[i]));
    input_pointers.push_back(node.inputs[i] ? &inputs[i] : nullptr);
  }
  std::vector<Array> outputs(node.outputs.size());
  std::vector<Array*> output_pointers;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (node.outputs[i]) outputs[i] = Array(graph.tensor(node.outputs[i]).type.shape.resolve(1));
    output_pointers.push_back(node.outputs[i] ? &outputs[i] : nullptr);
  }
  node.operation->evaluate({.inputs = input_pointers, .outputs = output_pointers});
  std::vector<TensorId> constants;
  for (std::size_t i = 0; i < node.outputs.size(); ++i) {
    if (!node.outputs[i]) {
      constants.emplace_back();
      continue;
    }
    const TensorInfo& info = graph.tensor(node.outputs[i]);
    constants.push_back(
        graph.add_constant(info.name + ".value", info.type.shape,
                           std::vector<float>(outputs[i].values.begin(), outputs[i].values.end())));
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
    const std::vector<TensorId> values = evaluate(plan.graph, node);
    for (std::size_t i = 0; i < values.size(); ++i) {
      if (node.outputs[i]) replaced[index(node.outputs[i])] = values[i];
    }
  }
  rewrite(plan, std::move(kept));
}

}  // namespace equipoise::engine
