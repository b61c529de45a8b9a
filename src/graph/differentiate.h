#pragma once

#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "equipoise/graph.h"
#include "graph/operation.h"

namespace equipoise {

/// What `Operation::differentiate` sees of one node, and how it answers.
class GradientWriter {
 public:
  GradientWriter(Graph& graph, const Node& node, std::span<const TensorId> output_gradients,
                 std::span<const bool> wanted)
      : graph_(graph),
        node_(node),
        output_gradients_(output_gradients),
        wanted_(wanted),
        gradients_(node.inputs.size()) {}

  const Graph& graph() const { return graph_; }
  const std::string& node_name() const { return node_.name; }
  int input_count() const { return static_cast<int>(node_.inputs.size()); }

  /// None where absent.
  TensorId input(int i) const { return node_.inputs[static_cast<std::size_t>(i)]; }
  TensorId output(int i) const { return node_.outputs[static_cast<std::size_t>(i)]; }
  const TensorType& input_type(int i) const { return graph_.tensor(input(i)).type; }

  /// The gradient of the loss with respect to an output; none where the loss does not depend on it.
  TensorId output_gradient(int i) const { return output_gradients_[static_cast<std::size_t>(i)]; }
  /// Whether anybody needs the gradient with respect to an input. Absent inputs are not wanted.
  bool wants(int i) const { return wanted_[static_cast<std::size_t>(i)]; }

  /// Appends a node called "<this node>.<suffix>", or if that is taken "<this node>.<suffix>#2".
  std::vector<TensorId> add(std::string_view suffix, std::shared_ptr<const Operation> operation,
                            std::vector<TensorId> inputs, std::span<const bool> wanted = {});

  /// The same for an operation of one output.
  TensorId add_one(std::string_view suffix, std::shared_ptr<const Operation> operation,
                   std::vector<TensorId> inputs) {
    return add(suffix, std::move(operation), std::move(inputs))[0];
  }

  void set(int input, TensorId gradient) { gradients_[static_cast<std::size_t>(input)] = gradient; }

  std::span<const TensorId> gradients() const { return gradients_; }

 private:
  Graph& graph_;
  Node node_;  // a copy: adding nodes moves the graph's
  std::span<const TensorId> output_gradients_;
  std::span<const bool> wanted_;
  std::vector<TensorId> gradients_;
};

}  // namespace equipoise
