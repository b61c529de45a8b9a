#include "ops/gradient_norm.h"

#include <cmath>

#include "equipoise/operations.h"

namespace equipoise {

Signature GradientNorm::signature() const {
  static constexpr Signature::Port kInputs[] = {{"gradient"}};
  static constexpr Signature::Port kOutputs[] = {{"norm"}};
  return {.inputs = kInputs, .outputs = kOutputs, .variadic = true};
}

std::vector<TensorType> GradientNorm::infer(InputTypes inputs) const {
  for (const TensorType* gradient : inputs) require_dtype("gradient", *gradient, DType::kF32);
  return {TensorType{}};
}

void GradientNorm::evaluate(const Evaluation& evaluation) const {
  double sum = 0;
  for (const Array* gradient : evaluation.inputs) {
    for (const double g : gradient->values) sum += g * g;
  }
  evaluation.output(0)[0] = std::sqrt(sum);
}

double GradientNorm::flops(std::span<const Shape* const> inputs,
                           std::span<const Shape* const> /*outputs*/) const {
  double elements = 0;
  for (const Shape* gradient : inputs) elements += static_cast<double>(gradient->element_count());
  return 2 * elements;
}

TensorId ops::gradient_norm(Graph& graph, std::string name, std::span<const TensorId> gradients) {
  return graph.add_node(std::move(name), std::make_shared<GradientNorm>(),
                        {gradients.begin(), gradients.end()})[0];
}

}  // namespace equipoise
