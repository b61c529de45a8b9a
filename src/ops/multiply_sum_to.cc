#include "ops/multiply_sum_to.h"

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/broadcast.h"
#include "ops/require.h"

namespace equipoise {

Signature MultiplySumTo::signature() const {
  static constexpr Signature::Port kInputs[] = {{"a"}, {"b"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> MultiplySumTo::attributes() const {
  return AttributeList().add("shape", shape_).list();
}

std::vector<TensorType> MultiplySumTo::infer(InputTypes inputs) const {
  require_dtype("a", *inputs[kA], DType::kF32);
  require_shape("b", *inputs[kB], inputs[kA]->shape, "a");
  if (!broadcasts_to(shape_, inputs[kA]->shape)) {
    fail_inference(fmt::format("a has shape {}; {} does not broadcast to it",
                               to_string(inputs[kA]->shape), to_string(shape_)));
  }
  return {{.shape = shape_}};
}

void MultiplySumTo::evaluate(const Evaluation& evaluation) const {
  const Array& a = evaluation.input(kA);
  const Array& b = evaluation.input(kB);
  Array& y = evaluation.output(0);
  const auto offsets = broadcast_offsets(y.shape, a.shape);
  for (std::int64_t i = 0; i < a.size(); ++i) {
    y[offsets[static_cast<std::size_t>(i)]] += a[i] * b[i];
  }
}

double MultiplySumTo::flops(std::span<const Shape* const> inputs,
                            std::span<const Shape* const> /*outputs*/) const {
  return 2 * static_cast<double>(inputs[kA]->element_count());
}

}  // namespace equipoise
