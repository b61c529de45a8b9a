#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/graph.h"
#include "graph/operation.h"

namespace equipoise {
namespace {

const char* role_name(TensorRole role) {
  switch (role) {
    case TensorRole::kInput:
      return "input";
    case TensorRole::kParameter:
      return "parameter";
    case TensorRole::kBuffer:
      return "buffer";
    case TensorRole::kConstant:
      return "constant";
    case TensorRole::kResult:
      break;
  }
  return "result";
}

std::string typed(const TensorInfo& info) {
  if (info.type.record) return fmt::format("{}: record", info.name);
  return fmt::format(
      "{}: {}{}", info.name,
      info.type.dtype == DType::kF32 ? "" : fmt::format("{} ", to_string(info.type.dtype)),
      to_string(info.type.shape));
}

}  // namespace

std::string Graph::dump() const {
  std::string text = fmt::format("graph {}\n", name_);
  for (const TensorInfo& info : tensors_) {
    if (info.role == TensorRole::kResult) continue;
    text += fmt::format("  {:<9} {}{}\n", role_name(info.role), typed(info),
                        info.frozen ? ", frozen" : "");
  }
  for (const Node& node : nodes_) {
    std::vector<std::string> outputs;
    for (const TensorId id : node.outputs) {
      if (id) outputs.push_back(typed(tensor(id)));
    }
    std::vector<std::string> inputs;
    const Signature signature = node.operation->signature();
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (!node.inputs[i]) continue;
      const bool optional = i < signature.inputs.size() && signature.inputs[i].optional;
      inputs.push_back((optional ? fmt::format("{}=", signature.inputs[i].name) : "") +
                       tensor(node.inputs[i]).name);
    }
    text += fmt::format("  {} = {} of {}", fmt::join(outputs, ", "), describe(*node.operation),
                        fmt::join(inputs, ", "));
    if (!node.made_of.empty()) text += fmt::format("  [{}]", fmt::join(node.made_of, " + "));
    text += "\n";
  }
  for (const TensorId id : outputs_) text += fmt::format("  output    {}\n", typed(tensor(id)));
  return text;
}

}  // namespace equipoise
