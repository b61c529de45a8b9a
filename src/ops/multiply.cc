#include "ops/multiply.h"

#include "equipoise/operations.h"
#include "ops/broadcast.h"

namespace equipoise {

Signature Multiply::signature() const {
  static constexpr Signature::Port kInputs[] = {{"a"}, {"b"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Multiply::infer(InputTypes inputs) const {
  require_dtype("a", *inputs[kA], DType::kF32);
  require_dtype("b", *inputs[kB], DType::kF32);
  return {{.shape = broadcast("a", inputs[kA]->shape, "b", inputs[kB]->shape)}};
}

void Multiply::evaluate(const Evaluation& evaluation) const {
  const Array& a = evaluation.input(kA);
  const Array& b = evaluation.input(kB);
  Array& y = evaluation.output(0);
  const auto in_a = broadcast_offsets(a.shape, y.shape);
  const auto in_b = broadcast_offsets(b.shape, y.shape);
  for (std::size_t i = 0; i < y.values.size(); ++i) y.values[i] = a[in_a[i]] * b[in_b[i]];
}

void Multiply::differentiate(GradientWriter& writer) const {
  const TensorId dy = writer.output_gradient(0);
  const auto product = std::make_shared<Multiply>();
  if (writer.wants(kA)) {
    set_summed(writer, kA, "da_sum", writer.add_one("da", product, {dy, writer.input(kB)}));
  }
  if (writer.wants(kB)) {
    set_summed(writer, kB, "db_sum", writer.add_one("db", product, {dy, writer.input(kA)}));
  }
}

double Multiply::flops(std::span<const Shape* const> /*inputs*/,
                       std::span<const Shape* const> outputs) const {
  return static_cast<double>(outputs[0]->element_count());
}

TensorId ops::multiply(Graph& graph, std::string name, TensorId a, TensorId b) {
  return graph.add_node(std::move(name), std::make_shared<Multiply>(), {a, b})[0];
}

}  // namespace equipoise
