#include "equipoise/summary.h"

#include <set>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "graph/operation.h"

namespace equipoise {
namespace {

class Summarizer {
 public:
  Summarizer(const Graph& graph, std::int64_t batch) : graph_(graph), batch_(batch) {}

  TensorSummary tensor(TensorId id) const {
    const TensorInfo& info = graph_.tensor(id);
    return {.name = info.name, .shape = shape(id), .dtype = info.type.dtype};
  }

  LayerSummary layer(const Node& node) {
    LayerSummary layer{.name = node.name,
                       .operation = std::string(node.operation->type()),
                       .attributes = node.operation->attributes()};
    for (const TensorId id : node.inputs) {
      if (!id) continue;
      const TensorInfo& info = graph_.tensor(id);
      if (info.role == TensorRole::kInput || info.role == TensorRole::kResult) {
        layer.inputs.push_back(info.name);
      } else if (counted_.insert(id.index).second) {
        count(info, layer);
      }
    }
    if (!node.outputs.empty() && node.outputs[0]) layer.output = shape(node.outputs[0]);
    layer.flops = flops(node);
    return layer;
  }

  /// Adds the elements of a parameter or buffer to a layer or to the whole.
  template <class Summary>
  static void count(const TensorInfo& info, Summary& summary) {
    if (info.role != TensorRole::kParameter && info.role != TensorRole::kBuffer) return;
    const std::int64_t elements = info.type.shape.resolve(1).element_count();
    std::int64_t& sum = info.role == TensorRole::kBuffer ? summary.buffers
                        : info.frozen                    ? summary.frozen
                                                         : summary.trained;
    sum += elements;
  }

 private:
  Shape shape(TensorId id) const {
    const TensorType& type = graph_.tensor(id).type;
    return type.record ? Shape{} : type.shape.resolve(batch_);
  }

  double flops(const Node& node) const {
    std::vector<Shape> shapes;
    shapes.reserve(node.inputs.size() + node.outputs.size());
    const auto pointers = [&](const std::vector<TensorId>& ids) {
      std::vector<const Shape*> result;
      result.reserve(ids.size());
      for (const TensorId id : ids) {
        result.push_back(id ? &shapes.emplace_back(shape(id)) : nullptr);
      }
      return result;
    };
    const std::vector<const Shape*> inputs = pointers(node.inputs);
    const std::vector<const Shape*> outputs = pointers(node.outputs);
    return node.operation->flops(inputs, outputs);
  }

  const Graph& graph_;
  std::int64_t batch_;
  std::set<std::int32_t> counted_;
};

}  // namespace

GraphSummary summarize(const Graph& graph, std::int64_t batch) {
  if (batch < 1) {
    throw Error(fmt::format("graph '{}': a batch of {}; it has to be ≥ 1", graph.name(), batch));
  }
  Summarizer summarizer(graph, batch);
  GraphSummary summary{.name = graph.name(), .batch = batch};
  for (const TensorId id : graph.with_role(TensorRole::kInput)) {
    summary.inputs.push_back(summarizer.tensor(id));
  }
  for (const TensorId id : graph.outputs()) summary.outputs.push_back(summarizer.tensor(id));
  for (const Node& node : graph.nodes()) {
    summary.layers.push_back(summarizer.layer(node));
    summary.flops += summary.layers.back().flops;
  }
  for (const TensorInfo& info : graph.tensors()) {
    Summarizer::count(info, summary);
    if (info.role == TensorRole::kParameter) {
      summary.parameter_bytes +=
          static_cast<std::size_t>(info.type.shape.resolve(1).element_count()) *
          size_of(info.type.dtype);
    }
  }
  return summary;
}

}  // namespace equipoise
