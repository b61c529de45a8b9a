#include "model/head.h"

#include <cmath>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "ops/linear.h"

namespace equipoise::model {

Graph with_head(const Graph& graph, const Classifier& classifier, std::int64_t classes) {
  const NodeId at = graph.tensor(graph.tensor(classifier.logits)).producer;
  const TensorId read = graph.node(at).inputs[Linear::kX];
  const std::int64_t features = graph.tensor(read).type.shape[1];
  const std::vector<Node> before(graph.nodes().begin(), graph.nodes().begin() + at.index);

  Graph result = graph;
  const TensorId x = result.rewrite(before, {read})[static_cast<std::size_t>(read.index)];
  const Initialization uniform{.kind = Initialization::Kind::kUniform,
                               .value = 1 / std::sqrt(static_cast<double>(features))};
  std::vector<TensorId> parameters;
  for (const std::string& name : classifier.head) {
    if (result.find_tensor(name)) {
      throw Error(
          fmt::format("model '{}': '{}' of its last linear layer is part of another layer, too, so "
                      "there can be no new one in its place",
                      graph.name(), name));
    }
    const bool is_weight = parameters.empty();
    parameters.push_back(result.add_parameter(
        name, is_weight ? GraphShape{classes, features} : GraphShape{classes}, uniform));
  }
  parameters.resize(2);
  result.set_outputs({ops::linear(result, "logits", x, parameters[0], parameters[1])});
  return result;
}

}  // namespace equipoise::model
