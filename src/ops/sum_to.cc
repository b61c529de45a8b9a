#include "ops/sum_to.h"

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/broadcast.h"

namespace equipoise {

Signature SumTo::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> SumTo::attributes() const {
  return AttributeList().add("shape", shape_).list();
}

std::vector<TensorType> SumTo::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[0], DType::kF32);
  if (!broadcasts_to(shape_, inputs[0]->shape)) {
    fail_inference(fmt::format("x has shape {}; {} does not broadcast to it",
                               to_string(inputs[0]->shape), to_string(shape_)));
  }
  return {{.shape = shape_}};
}

void SumTo::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  const auto offsets = broadcast_offsets(y.shape, x.shape);
  for (std::int64_t i = 0; i < x.size(); ++i) y[offsets[static_cast<std::size_t>(i)]] += x[i];
}

double SumTo::flops(std::span<const Shape* const> inputs,
                    std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[0]->element_count());
}

}  // namespace equipoise
