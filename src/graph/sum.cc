#include "graph/sum.h"

#include <fmt/format.h>

#include "graph/differentiate.h"

namespace equipoise {

Signature Sum::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs, .variadic = true};
}

std::vector<TensorType> Sum::infer(InputTypes inputs) const {
  for (const TensorType* type : inputs) {
    require_dtype("x", *type, DType::kF32);
    if (type->shape != inputs[0]->shape) {
      fail_inference(fmt::format("it adds {} and {}; the shapes have to be equal",
                                 to_string(inputs[0]->shape), to_string(type->shape)));
    }
  }
  return {*inputs[0]};
}

void Sum::evaluate(const Evaluation& evaluation) const {
  Array& y = evaluation.output(0);
  for (const Array* x : evaluation.inputs) {
    for (std::int64_t i = 0; i < y.size(); ++i) y[i] += (*x)[i];
  }
}

void Sum::differentiate(GradientWriter& writer) const {
  for (int i = 0; i < writer.input_count(); ++i) writer.set(i, writer.output_gradient(0));
}

}  // namespace equipoise
