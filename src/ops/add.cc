#include "ops/add.h"

#include "equipoise/operations.h"
#include "ops/broadcast.h"

namespace equipoise {

Signature Add::signature() const {
  static constexpr Signature::Port kInputs[] = {{"a"}, {"b"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Add::infer(InputTypes inputs) const {
  require_dtype("a", *inputs[kA], DType::kF32);
  require_dtype("b", *inputs[kB], DType::kF32);
  return {{.shape = broadcast("a", inputs[kA]->shape, "b", inputs[kB]->shape)}};
}

void Add::evaluate(const Evaluation& evaluation) const {
  const Array& a = evaluation.input(kA);
  const Array& b = evaluation.input(kB);
  Array& y = evaluation.output(0);
  const auto in_a = broadcast_offsets(a.shape, y.shape);
  const auto in_b = broadcast_offsets(b.shape, y.shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = a[in_a[i]] + b[in_b[i]];
}

void Add::differentiate(GradientWriter& writer) const {
  const TensorId dy = writer.output_gradient(0);
  if (writer.wants(kA)) set_summed(writer, kA, "da", dy);
  if (writer.wants(kB)) set_summed(writer, kB, "db", dy);
}

double Add::flops(std::span<const Shape* const> /*inputs*/,
                  std::span<const Shape* const> outputs) const {
  return static_cast<double>(outputs[0]->element_count());
}

TensorId ops::add(Graph& graph, std::string name, TensorId a, TensorId b) {
  return graph.add_node(std::move(name), std::make_shared<Add>(), {a, b})[0];
}

}  // namespace equipoise
