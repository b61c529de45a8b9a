#include "ops/multiply.h"

#include "equipoise/operations.h"
#include "ops/broadcast.h"
#include "ops/multiply_sum_to.h"

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
  const GraphShape shape = writer.graph().tensor(dy).type.shape;
  const auto set = [&](int input, int other, std::string_view name, std::string_view sum) {
    if (!writer.wants(input)) return;
    const GraphShape of_input = writer.input_type(input).shape;
    if (of_input != shape && writer.input_type(other).shape == shape) {
      const auto product = std::make_shared<MultiplySumTo>(of_input);
      writer.set(input, writer.add_one(name, product, {dy, writer.input(other)}));
      return;
    }
    const auto product = std::make_shared<Multiply>();
    set_summed(writer, input, sum, writer.add_one(name, product, {dy, writer.input(other)}));
  };
  set(kA, kB, "da", "da_sum");
  set(kB, kA, "db", "db_sum");
}

double Multiply::flops(std::span<const Shape* const> /*inputs*/,
                       std::span<const Shape* const> outputs) const {
  return static_cast<double>(outputs[0]->element_count());
}

TensorId ops::multiply(Graph& graph, std::string name, TensorId a, TensorId b) {
  return graph.add_node(std::move(name), std::make_shared<Multiply>(), {a, b})[0];
}

}  // namespace equipoise
