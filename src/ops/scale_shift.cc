#include "ops/scale_shift.h"

#include <utility>

#include "ops/attribute_list.h"
#include "ops/require.h"
#include "ops/window.h"

namespace equipoise {

Signature ScaleShift::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"scale"}, {"shift"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> ScaleShift::attributes() const {
  return AttributeList().add("factor", factor_).list();
}

std::vector<TensorType> ScaleShift::infer(InputTypes inputs) const {
  require_image("x", *inputs[kX]);
  const GraphShape& x = inputs[kX]->shape;
  for (const auto& [name, i] : {std::pair{"scale", kScale}, std::pair{"shift", kShift}}) {
    require_shape(name, *inputs[i], {x[0], x[1], 1, 1}, "one per channel of each sample of x");
  }
  return {*inputs[kX]};
}

void ScaleShift::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& scale = evaluation.input(kScale);
  const Array& shift = evaluation.input(kShift);
  Array& y = evaluation.output(0);
  const std::int64_t positions = x.shape.positions();
  for (std::int64_t i = 0; i < x.size(); ++i) {
    y[i] = scale[i / positions] * x[i] + factor_ * shift[i / positions];
  }
}

double ScaleShift::flops(std::span<const Shape* const> inputs,
                         std::span<const Shape* const> /*outputs*/) const {
  return 2 * static_cast<double>(inputs[kX]->element_count());
}

}  // namespace equipoise
