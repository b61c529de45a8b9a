#include "graph/differentiate.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "graph/sum.h"

namespace equipoise {
namespace {

/// The name, or with "#2", "#3", … where it is taken: a graph may be differentiated several times.
std::string free_name(const Graph& graph, std::string name) {
  const auto is_taken = [&](const std::string& wanted) {
    return graph.find_tensor(wanted) || graph.find_node(wanted);
  };
  if (!is_taken(name)) return name;
  int number = 2;
  while (is_taken(fmt::format("{}#{}", name, number))) ++number;
  return fmt::format("{}#{}", name, number);
}

}  // namespace

std::vector<TensorId> GradientWriter::add(std::string_view suffix,
                                          std::shared_ptr<const Operation> operation,
                                          std::vector<TensorId> inputs,
                                          std::span<const bool> wanted) {
  return graph_.add_node(free_name(graph_, fmt::format("{}.{}", node_.name, suffix)),
                         std::move(operation), std::move(inputs), wanted);
}

namespace {

void require_tensor(const Graph& graph, TensorId id, std::string_view what) {
  if (id && static_cast<std::size_t>(id.index) < graph.tensors().size()) return;
  throw Error(
      fmt::format("graph '{}': {} is number {} of {} tensors; ids are those that this graph "
                  "gave",
                  graph.name(), what, id.index, graph.tensors().size()));
}

/// Which tensors any of `wrt` influences.
std::vector<bool> influenced(const Graph& graph, std::span<const TensorId> wrt) {
  std::vector<bool> result(graph.tensors().size());
  for (const TensorId id : wrt) result[static_cast<std::size_t>(id.index)] = true;
  for (const Node& node : graph.nodes()) {
    const bool any = std::ranges::any_of(
        node.inputs, [&](TensorId id) { return id && result[static_cast<std::size_t>(id.index)]; });
    for (const TensorId id : node.outputs) {
      if (id && any) result[static_cast<std::size_t>(id.index)] = true;
    }
  }
  return result;
}

class Differentiation {
 public:
  Differentiation(Graph& graph, std::span<const TensorId> wrt)
      : graph_(graph), influenced_(influenced(graph, wrt)), parts_(graph.tensors().size()) {}

  void seed(TensorId loss) {
    const TensorInfo info = graph_.tensor(loss);
    if (info.type.shape.batched() || info.type.shape.resolve(1).element_count() != 1) {
      throw Error(
          fmt::format("graph '{}': the loss '{}' has shape {}; only the gradient of a single "
                      "value can be computed: take a mean or a sum",
                      graph_.name(), info.name, to_string(info.type.shape)));
    }
    parts_[static_cast<std::size_t>(loss.index)].push_back(graph_.add_constant(
        free_name(graph_, info.name + ".gradient.one"), info.type.shape, {1.0F}));
  }

  void through(const Node& node) {
    const bool reaches =
        std::ranges::any_of(node.outputs, [&](TensorId id) { return id && !parts(id).empty(); });
    if (!reaches) return;
    const auto wanted = std::make_unique<bool[]>(node.inputs.size());
    bool any = false;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const TensorId id = node.inputs[i];
      wanted[i] = id && influenced_[static_cast<std::size_t>(id.index)];
      any = any || wanted[i];
    }
    if (!any) return;
    std::vector<TensorId> output_gradients;
    for (const TensorId id : node.outputs) {
      output_gradients.push_back(id ? total(id) : TensorId{});
    }
    GradientWriter writer(graph_, node, output_gradients, {wanted.get(), node.inputs.size()});
    node.operation->differentiate(writer);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const TensorId gradient = writer.gradients()[i];
      if (!wanted[i] || !gradient) continue;
      const TensorInfo& of = graph_.tensor(node.inputs[i]);
      if (graph_.tensor(gradient).type.shape != of.type.shape) {
        throw Error(fmt::format("node '{}': the gradient of '{}' {} has shape {}", node.name,
                                of.name, to_string(of.type.shape),
                                to_string(graph_.tensor(gradient).type.shape)));
      }
      parts(node.inputs[i]).push_back(gradient);
    }
  }

  /// The sum of what all readers of a tensor contribute; none if there is nothing.
  TensorId total(TensorId id) {
    std::vector<TensorId>& all = parts(id);
    if (all.size() > 1) {
      const std::string name =
          free_name(graph_, fmt::format("{}.gradient.total", graph_.tensor(id).name));
      all = graph_.add_node(name, std::make_shared<Sum>(), all);
    }
    return all.empty() ? TensorId{} : all.front();
  }

 private:
  std::vector<TensorId>& parts(TensorId id) { return parts_[static_cast<std::size_t>(id.index)]; }

  Graph& graph_;
  std::vector<bool> influenced_;
  std::vector<std::vector<TensorId>> parts_;
};

}  // namespace

std::vector<TensorId> differentiate(Graph& graph, TensorId loss, std::span<const TensorId> wrt) {
  require_tensor(graph, loss, "the loss");
  for (const TensorId id : wrt) require_tensor(graph, id, "a tensor to differentiate by");
  Graph result = graph;  // so that an error changes nothing
  Differentiation differentiation(result, wrt);
  differentiation.seed(loss);
  const std::vector<Node> backward(graph.nodes().rbegin(), graph.nodes().rend());
  for (const Node& node : backward) differentiation.through(node);
  std::vector<TensorId> gradients;
  for (const TensorId id : wrt) gradients.push_back(differentiation.total(id));
  graph = std::move(result);
  return gradients;
}

}  // namespace equipoise
