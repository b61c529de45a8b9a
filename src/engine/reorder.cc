#include "engine/reorder.h"

#include "graph/differentiate.h"

namespace equipoise::engine {

Signature Reorder::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Reorder::infer(InputTypes inputs) const { return {*inputs[0]}; }

void Reorder::evaluate(const Evaluation& evaluation) const {
  evaluation.output(0) = evaluation.input(0);
}

void Reorder::differentiate(GradientWriter& writer) const {
  writer.set(0, writer.output_gradient(0));
}

}  // namespace equipoise::engine
