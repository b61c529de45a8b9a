#include "engine/plan.h"

#include "graph/operation.h"

namespace equipoise::engine {

NodeContext context_of(const Plan& plan, const Node& node) {
  const auto shapes = [&](const std::vector<TensorId>& ids) {
    std::vector<Shape> all;
    for (const TensorId id : ids) {
      const bool values = id && !plan.graph.tensor(id).type.record;
      all.push_back(values ? plan.graph.tensor(id).type.shape.resolve(plan.batch) : Shape{});
    }
    return all;
  };
  return {.graph = plan.graph,
          .node = node,
          .input_shapes = shapes(node.inputs),
          .output_shapes = shapes(node.outputs),
          .formats = std::vector<Format>(node.inputs.size()),
          .mode = plan.mode,
          .threads = plan.threads};
}

double flops_of(const NodeContext& node) {
  const auto pointers = [](const std::vector<TensorId>& ids, const std::vector<Shape>& shapes) {
    std::vector<const Shape*> all;
    for (std::size_t i = 0; i < ids.size(); ++i) all.push_back(ids[i] ? &shapes[i] : nullptr);
    return all;
  };
  return node.node.operation->flops(pointers(node.node.inputs, node.input_shapes),
                                    pointers(node.node.outputs, node.output_shapes));
}

}  // namespace equipoise::engine
