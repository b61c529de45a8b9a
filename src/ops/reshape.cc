#include "ops/reshape.h"

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/attribute_list.h"

namespace equipoise {
namespace {

/// Per sample, for batched shapes.
std::int64_t element_count(const GraphShape& shape) { return shape.resolve(1).element_count(); }

}  // namespace

Signature Reshape::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Reshape::attributes() const {
  return AttributeList().add("shape", shape_).list();
}

std::vector<TensorType> Reshape::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[0], DType::kF32);
  const GraphShape& x = inputs[0]->shape;
  if (x.batched() != shape_.batched()) {
    fail_inference(
        fmt::format("x has shape {}, which cannot become {}: the first dimension of "
                    "both has to be N, or of none",
                    to_string(x), to_string(shape_)));
  }
  if (element_count(x) != element_count(shape_)) {
    fail_inference(
        fmt::format("x has shape {}, which cannot become {}: that is {} elements{}, and "
                    "{}",
                    to_string(x), to_string(shape_), element_count(x),
                    x.batched() ? " per sample" : "", element_count(shape_)));
  }
  return {{.shape = shape_}};
}

void Reshape::evaluate(const Evaluation& evaluation) const {
  evaluation.output(0).values = evaluation.input(0).values;
}

void Reshape::differentiate(GradientWriter& writer) const {
  const auto back = std::make_shared<Reshape>(writer.input_type(0).shape);
  writer.set(0, writer.add_one("dx", back, {writer.output_gradient(0)}));
}

TensorId ops::reshape(Graph& graph, std::string name, TensorId x, GraphShape shape) {
  return graph.add_node(std::move(name), std::make_shared<Reshape>(shape), {x})[0];
}

TensorId ops::flatten(Graph& graph, std::string name, TensorId x, int first) {
  if (x.index < 0 || static_cast<std::size_t>(x.index) >= graph.tensors().size()) {
    throw Error(
        fmt::format("graph '{}', node '{}' (flatten): its input 'x' is no tensor of this "
                    "graph",
                    graph.name(), name));
  }
  const GraphShape shape = graph.tensor(x).type.shape;
  if (first < (shape.batched() ? 1 : 0) || first >= shape.rank()) {
    throw Error(
        fmt::format("graph '{}', node '{}' (flatten): x has shape {}; it cannot be flattened from "
                    "dimension {} on",
                    graph.name(), name, to_string(shape), first));
  }
  std::vector<std::int64_t> dimensions(shape.dimensions().begin(),
                                       shape.dimensions().begin() + first);
  std::int64_t& rest = dimensions.emplace_back(1);
  for (int d = first; d < shape.rank(); ++d) rest *= shape[d];
  return reshape(graph, std::move(name), x, GraphShape(dimensions));
}

}  // namespace equipoise
