#include "graph/interpreter.h"

#include <memory>
#include <optional>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "graph/operation.h"

namespace equipoise {
namespace {

Array given(const Graph& graph, const TensorInfo& info, const std::map<std::string, Array>& values,
            std::int64_t batch) {
  const Shape shape = info.type.shape.resolve(batch);
  if (info.role == TensorRole::kConstant) return constant_values(info);
  const auto it = values.find(info.name);
  if (it == values.end()) {
    throw Error(fmt::format("graph '{}': no value was given for '{}'; it has to be {}",
                            graph.name(), info.name, to_string(shape)));
  }
  if (it->second.shape != shape) {
    throw Error(fmt::format("graph '{}': the value of '{}' has shape {}; it has to be {}",
                            graph.name(), info.name, to_string(it->second.shape),
                            to_string(shape)));
  }
  return it->second;
}

}  // namespace

Array constant_values(const TensorInfo& constant) {
  Array array(constant.type.shape.resolve(1));
  array.values.assign(constant.values->begin(), constant.values->end());
  return array;
}

std::vector<Array> evaluate(const Graph& graph, const Node& node,
                            std::span<const Array* const> inputs, const Interpretation& options) {
  std::vector<Array> outputs(node.outputs.size());
  std::vector<Array*> wanted(node.outputs.size());
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    if (!node.outputs[i]) continue;
    const TensorType& type = graph.tensor(node.outputs[i]).type;
    if (!type.record) outputs[i] = Array(type.shape.resolve(options.batch));
    wanted[i] = &outputs[i];
  }
  node.operation->evaluate({.inputs = inputs, .outputs = wanted, .random_key = options.random_key});
  return outputs;
}

std::map<std::string, Array> interpret(const Graph& graph,
                                       const std::map<std::string, Array>& values,
                                       const Interpretation& options) {
  const auto index = [](TensorId id) { return static_cast<std::size_t>(id.index); };
  const std::size_t count = graph.tensors().size();
  constexpr std::size_t kForever = ~std::size_t{0};
  std::vector<std::size_t> last_read(count, 0);
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    for (const TensorId id : graph.nodes()[n].inputs) {
      if (id) last_read[index(id)] = n;
    }
  }
  for (const TensorId id : graph.outputs()) last_read[index(id)] = kForever;

  std::vector<std::optional<Array>> arrays(count);
  for (std::size_t i = 0; i < count; ++i) {
    const TensorInfo& info = graph.tensors()[i];
    if (info.role != TensorRole::kResult) arrays[i] = given(graph, info, values, options.batch);
  }

  std::map<std::string, Array> result;
  for (std::size_t n = 0; n < graph.nodes().size(); ++n) {
    const Node& node = graph.nodes()[n];
    std::vector<const Array*> inputs;
    for (const TensorId id : node.inputs) inputs.push_back(id ? &*arrays[index(id)] : nullptr);
    std::vector<Array> outputs = evaluate(graph, node, inputs, options);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i]) continue;
      arrays[index(node.outputs[i])] = std::move(outputs[i]);
      const int updated = node.operation->updates(static_cast<int>(i));
      if (updated < 0) continue;
      result[graph.tensor(node.inputs[static_cast<std::size_t>(updated)]).name] =
          *arrays[index(node.outputs[i])];
    }
    if (options.keep_all) continue;
    for (const TensorId id : node.inputs) {
      if (id && last_read[index(id)] == n) arrays[index(id)].reset();
    }
  }
  for (std::size_t i = 0; i < count; ++i) {
    if (arrays[i] && (options.keep_all || last_read[i] == kForever)) {
      result.try_emplace(graph.tensors()[i].name, std::move(*arrays[i]));
    }
  }
  return result;
}

}  // namespace equipoise
