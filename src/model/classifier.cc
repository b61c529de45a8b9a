#include "model/classifier.h"

#include <algorithm>
#include <vector>

#include "graph/operation.h"
#include "ops/dropout.h"
#include "ops/linear.h"
#include "ops/reshape.h"
#include "ops/softmax.h"

namespace equipoise::model {
namespace {

/// The operation that computes a tensor, if it is of this kind.
template <class Operation>
const Node* producer(const Graph& graph, TensorId tensor) {
  const NodeId node = graph.tensor(tensor).producer;
  const bool is_one =
      node && dynamic_cast<const Operation*>(graph.node(node).operation.get()) != nullptr;
  return is_one ? &graph.node(node) : nullptr;
}

/// Behind softmax, which some files end in, and changes of shape.
TensorId logits_of(const Graph& graph, TensorId output) {
  while (true) {
    const Node* node = producer<Softmax>(graph, output);
    if (node == nullptr) node = producer<Reshape>(graph, output);
    if (node == nullptr || graph.tensor(node->inputs[0]).type.shape.rank() != 2) return output;
    output = node->inputs[0];
  }
}

/// Dropout in inference is what it reads.
std::string features_of(const Graph& graph, const Node& head) {
  TensorId features = head.inputs[Linear::kX];
  while (const Node* dropout = producer<Dropout>(graph, features)) {
    features = dropout->inputs[Dropout::kX];
  }
  return graph.tensor(features).name;
}

std::vector<std::string> parameters_of(const Graph& graph, const Node& head) {
  std::vector<std::string> names = {graph.tensor(head.inputs[Linear::kWeight]).name};
  if (const TensorId bias = head.inputs[Linear::kBias]) names.push_back(graph.tensor(bias).name);
  return names;
}

}  // namespace

std::optional<Classifier> find_classifier(const Graph& graph) {
  const std::vector<TensorId> inputs = graph.with_role(TensorRole::kInput);
  if (inputs.size() != 1 || graph.outputs().size() != 1) return std::nullopt;
  const TensorInfo& image = graph.tensor(inputs[0]);
  const GraphShape& size = image.type.shape;
  if (image.name != "image" || size.rank() != 4 || !size.batched()) return std::nullopt;
  const TensorId logits = logits_of(graph, graph.outputs()[0]);
  const GraphShape& shape = graph.tensor(logits).type.shape;
  if (shape.rank() != 2 || !shape.batched()) return std::nullopt;
  const auto in_pixels = [&size](int i) { return static_cast<int>(size[i]); };
  Classifier found;  // member by member: of a temporary, g++ 12 thinks that it is not initialized
  found.preprocessing = {.channels = in_pixels(1),
                         .resize = std::min(in_pixels(2), in_pixels(3)),
                         .height = in_pixels(2),
                         .width = in_pixels(3)};
  found.logits = graph.tensor(logits).name;
  found.classes = shape[1];
  if (const Node* head = producer<Linear>(graph, logits)) {
    found.features = features_of(graph, *head);
    found.head = parameters_of(graph, *head);
  }
  return found;
}

}  // namespace equipoise::model
