#include "ops/activate.h"

#include <cmath>

#include <fmt/format.h>

#include "graph/differentiate.h"
#include "ops/function.h"
#include "ops/require.h"

namespace equipoise {
namespace {

std::vector<Attribute> attributes_of(ops::Function function, float negative_slope) {
  const Attribute name{"function", std::string(to_string(function))};
  if (function != ops::Function::kLeakyRelu) return {name};
  return {name, {"negative_slope", double{negative_slope}}};
}

void check(const TensorType& x, float negative_slope) {
  require_dtype("x", x, DType::kF32);
  if (!std::isfinite(negative_slope)) {
    fail_inference(fmt::format("negative_slope is {}; it has to be finite", negative_slope));
  }
}

}  // namespace

Signature Activate::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Activate::attributes() const {
  return attributes_of(function_, negative_slope_);
}

std::vector<TensorType> Activate::infer(InputTypes inputs) const {
  check(*inputs[kX], negative_slope_);
  return {*inputs[kX]};
}

void Activate::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  Array& y = evaluation.output(0);
  for (std::int64_t i = 0; i < x.size(); ++i) y[i] = value_of(function_, x[i], negative_slope_);
}

void Activate::differentiate(GradientWriter& writer) const {
  writer.set(kX,
             writer.add_one("dx", std::make_shared<ActivateGradient>(function_, negative_slope_),
                            {writer.input(kX), writer.output_gradient(0)}));
}

double Activate::flops(std::span<const Shape* const> inputs,
                       std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[kX]->element_count());
}

Signature ActivateGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> ActivateGradient::attributes() const {
  return attributes_of(function_, negative_slope_);
}

std::vector<TensorType> ActivateGradient::infer(InputTypes inputs) const {
  check(*inputs[kX], negative_slope_);
  require_shape("dy", *inputs[kDY], inputs[kX]->shape, "x");
  return {*inputs[kX]};
}

void ActivateGradient::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    dx[i] = dy[i] * derivative_of(function_, x[i], negative_slope_);
  }
}

double ActivateGradient::flops(std::span<const Shape* const> inputs,
                               std::span<const Shape* const> /*outputs*/) const {
  return 2 * static_cast<double>(inputs[kX]->element_count());
}

TensorId ops::activate(Graph& graph, std::string name, TensorId x, Function function,
                       float negative_slope) {
  return graph.add_node(std::move(name), std::make_shared<Activate>(function, negative_slope),
                        {x})[0];
}

}  // namespace equipoise
