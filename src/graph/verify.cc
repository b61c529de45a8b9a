#include "graph/verify.h"

#include <algorithm>
#include <string>
#include <unordered_map>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "graph/operation.h"

namespace equipoise {
namespace {

[[noreturn]] void fail(const Graph& graph, const Node& node, std::string_view what) {
  throw Error(fmt::format("graph '{}', node '{}' ({}): {}", graph.name(), node.name,
                          node.operation ? describe(*node.operation) : "no operation", what));
}

std::string describe(const TensorType& type) {
  return type.record ? "a record"
                     : fmt::format("{} {}", to_string(type.dtype), to_string(type.shape));
}

bool in_graph(const Graph& graph, TensorId id) {
  return static_cast<std::size_t>(id.index) < graph.tensors().size();
}

void check_inputs(const Graph& graph, const Node& node) {
  if (!node.operation) fail(graph, node, "it has no operation");
  const Signature signature = node.operation->signature();
  const std::size_t declared = signature.inputs.size();
  const std::size_t given = node.inputs.size();
  if (signature.variadic ? given < declared : given != declared) {
    fail(graph, node,
         fmt::format("{} inputs; it needs {}{}", given, signature.variadic ? "at least " : "",
                     declared));
  }
  for (std::size_t i = 0; i < given; ++i) {
    const Signature::Port& port = signature.inputs[std::min(i, declared - 1)];
    const TensorId id = node.inputs[i];
    if (!id && !port.optional) {
      fail(graph, node, fmt::format("its input '{}' is missing", port.name));
    }
    if (id && !in_graph(graph, id)) {
      fail(graph, node,
           fmt::format(
               "its input '{}' is number {} of {} tensors; ids are those that this graph gave",
               port.name, id.index, graph.tensors().size()));
    }
  }
}

/// "a → b → a" along tensors, from a node that reads, by way of others, what itself computes; empty
/// if it does not.
std::string cycle_through(const Graph& graph, std::size_t start) {
  const auto nodes = graph.nodes();
  std::vector<std::int32_t> reached_from(nodes.size(), -1);
  std::vector<std::size_t> open = {start};
  while (!open.empty()) {
    const std::size_t n = open.back();
    open.pop_back();
    for (const TensorId input : nodes[n].inputs) {
      if (!input) continue;
      const NodeId producer = graph.tensor(input).producer;
      if (!producer) continue;
      const auto p = static_cast<std::size_t>(producer.index);
      if (reached_from[p] >= 0) continue;
      reached_from[p] = static_cast<std::int32_t>(n);
      if (p != start) {
        open.push_back(p);
        continue;
      }
      std::string text = nodes[start].name;
      for (auto at = static_cast<std::size_t>(reached_from[start]);;
           at = static_cast<std::size_t>(reached_from[at])) {
        text += " → " + nodes[at].name;
        if (at == start) return text;
      }
    }
  }
  return {};
}

}  // namespace

std::vector<TensorType> infer_node(const Graph& graph, const Node& node) {
  check_inputs(graph, node);
  std::vector<const TensorType*> types;
  for (const TensorId id : node.inputs) {
    types.push_back(id ? &graph.tensor(id).type : nullptr);
  }
  try {
    return node.operation->infer(types);
  } catch (const Error& error) {
    std::string tensors;
    for (const TensorId id : node.inputs) {
      if (!id) continue;
      const TensorInfo& info = graph.tensor(id);
      tensors += fmt::format("{}'{}' {}", tensors.empty() ? "" : ", ", info.name,
                             to_string(info.type.shape));
    }
    fail(graph, node, fmt::format("{} (it reads {})", error.what(), tensors));
  }
}

void Graph::verify() const {
  std::unordered_map<std::string_view, int> names;
  for (const TensorInfo& info : tensors_) {
    if (info.name.empty()) throw Error(fmt::format("graph '{}': a tensor without a name", name_));
    if (++names[info.name] > 1) {
      throw Error(fmt::format("graph '{}': two tensors are called '{}'; names are used once", name_,
                              info.name));
    }
  }
  std::unordered_map<std::string_view, int> node_names;
  std::vector<const Node*> producer(tensors_.size());
  for (const Node& node : nodes_) {
    check_inputs(*this, node);
    if (node.name.empty()) fail(*this, node, "it has no name");
    if (++node_names[node.name] > 1) {
      fail(*this, node, "another node has this name; names are used once");
    }
    if (node.outputs.size() != node.operation->signature().outputs.size()) {
      fail(*this, node,
           fmt::format("{} outputs; it computes {}", node.outputs.size(),
                       node.operation->signature().outputs.size()));
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const Signature::Port& port = node.operation->signature().outputs[i];
      const TensorId output = node.outputs[i];
      if (!output && !port.optional) {
        fail(*this, node, fmt::format("its output '{}' is missing", port.name));
      }
      if (!output) continue;
      if (!in_graph(*this, output)) {
        fail(*this, node, fmt::format("its output '{}' is no tensor of this graph", port.name));
      }
      const TensorInfo& info = tensor(output);
      if (info.role != TensorRole::kResult) {
        fail(*this, node,
             fmt::format("it computes '{}', which is given and not a result", info.name));
      }
      const Node*& first = producer[static_cast<std::size_t>(output.index)];
      if (first != nullptr) {
        fail(*this, node,
             fmt::format("it computes '{}', and so does node '{}'; leave one of them out",
                         info.name, first->name));
      }
      first = &node;
    }
  }

  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const Node& node = nodes_[n];
    for (const TensorId input : node.inputs) {
      if (!input || tensor(input).role != TensorRole::kResult) continue;
      const Node* from = producer[static_cast<std::size_t>(input.index)];
      if (from == nullptr) {
        fail(*this, node,
             fmt::format("it reads '{}', which no node computes; keep the one that did",
                         tensor(input).name));
      }
      if (static_cast<std::size_t>(from - nodes_.data()) >= n) {
        const std::string cycle = cycle_through(*this, n);
        fail(*this, node,
             cycle.empty() ? fmt::format("it reads '{}', which node '{}' computes only later; put "
                                         "that one before it",
                                         tensor(input).name, from->name)
                           : fmt::format("it is part of a cycle, which has no order: {}", cycle));
      }
    }
    const std::vector<TensorType> types = infer_node(*this, node);
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i]) continue;
      const TensorInfo& info = tensor(node.outputs[i]);
      if (info.type != types[i]) {
        fail(*this, node,
             fmt::format("it computes '{}' as {}; the graph has {} for it", info.name,
                         describe(types[i]), describe(info.type)));
      }
      const int updated = node.operation->updates(static_cast<int>(i));
      if (updated < 0) continue;
      const TensorId updated_id = node.inputs[static_cast<std::size_t>(updated)];
      if (!updated_id) {
        fail(*this, node,
             fmt::format(
                 "it computes '{}', the update of an input that is missing; leave the output "
                 "out too",
                 info.name));
      }
      const TensorInfo& target = tensor(updated_id);
      if (target.role != TensorRole::kParameter && target.role != TensorRole::kBuffer) {
        fail(
            *this, node,
            fmt::format("it updates '{}', which is not kept between runs; make it a parameter or a "
                        "buffer",
                        target.name));
      }
    }
  }
  for (const TensorId output : outputs_) {
    if (!in_graph(*this, output)) {
      throw Error(fmt::format("graph '{}': an output is no tensor of this graph", name_));
    }
    const auto i = static_cast<std::size_t>(output.index);
    if (tensors_[i].role == TensorRole::kResult && producer[i] == nullptr) {
      throw Error(
          fmt::format("graph '{}': no node computes its output '{}'", name_, tensors_[i].name));
    }
  }
}

}  // namespace equipoise
