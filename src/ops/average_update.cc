#include "ops/average_update.h"

#include "ops/require.h"

namespace equipoise {

Signature AverageUpdate::signature() const {
  static constexpr Signature::Port kInputs[] = {{"average"}, {"x"}, {"weight"}};
  static constexpr Signature::Port kOutputs[] = {{"new_average"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> AverageUpdate::infer(InputTypes inputs) const {
  require_dtype("average", *inputs[kAverage], DType::kF32);
  require_shape("x", *inputs[kX], inputs[kAverage]->shape, "average");
  require_scalar("weight", *inputs[kWeight]);
  return {*inputs[kAverage]};
}

void AverageUpdate::evaluate(const Evaluation& evaluation) const {
  const Array& average = evaluation.input(kAverage);
  const Array& x = evaluation.input(kX);
  const double weight = evaluation.input(kWeight)[0];
  for (std::int64_t i = 0; i < x.size(); ++i) {
    evaluation.output(0)[i] = weight == 1 ? x[i] : average[i] + weight * (x[i] - average[i]);
  }
}

double AverageUpdate::flops(std::span<const Shape* const> inputs,
                            std::span<const Shape* const> /*outputs*/) const {
  return 3 * static_cast<double>(inputs[kX]->element_count());
}

}  // namespace equipoise
