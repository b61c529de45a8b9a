#include "ops/log_softmax.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/softmax.h"

namespace equipoise {

Signature LogSoftmax::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> LogSoftmax::infer(InputTypes inputs) const {
  require_rows("x", *inputs[0]);
  return {*inputs[0]};
}

void LogSoftmax::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  const std::int64_t length = x.shape[x.shape.rank() - 1];
  for (std::int64_t begin = 0; begin < x.size(); begin += length) {
    double largest = x[begin];
    for (std::int64_t i = begin; i < begin + length; ++i) largest = std::max(largest, x[i]);
    double sum = 0;
    for (std::int64_t i = begin; i < begin + length; ++i) sum += std::exp(x[i] - largest);
    for (std::int64_t i = begin; i < begin + length; ++i) y[i] = x[i] - largest - std::log(sum);
  }
}

void LogSoftmax::differentiate(GradientWriter& writer) const {
  writer.set(0, writer.add_one("dx", std::make_shared<LogSoftmaxGradient>(),
                               {writer.output(0), writer.output_gradient(0)}));
}

double LogSoftmax::flops(std::span<const Shape* const> inputs,
                         std::span<const Shape* const> /*outputs*/) const {
  // Of each: comparison, two differences, exponential, sum.
  return 5.0 * static_cast<double>(inputs[0]->element_count());
}

Signature LogSoftmaxGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"y"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> LogSoftmaxGradient::infer(InputTypes inputs) const {
  require_rows("y", *inputs[kY]);
  require_rows("dy", *inputs[kDY]);
  if (inputs[kY]->shape != inputs[kDY]->shape) {
    fail_inference(fmt::format("y has shape {}, dy {}; they have to be equal",
                               to_string(inputs[kY]->shape), to_string(inputs[kDY]->shape)));
  }
  return {*inputs[kY]};
}

void LogSoftmaxGradient::evaluate(const Evaluation& evaluation) const {
  const Array& y = evaluation.input(kY);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  const std::int64_t length = y.shape[y.shape.rank() - 1];
  for (std::int64_t begin = 0; begin < y.size(); begin += length) {
    double sum = 0;
    for (std::int64_t i = begin; i < begin + length; ++i) sum += dy[i];
    for (std::int64_t i = begin; i < begin + length; ++i) dx[i] = dy[i] - std::exp(y[i]) * sum;
  }
}

double LogSoftmaxGradient::flops(std::span<const Shape* const> inputs,
                                 std::span<const Shape* const> /*outputs*/) const {
  return 4.0 * static_cast<double>(inputs[kY]->element_count());
}

TensorId ops::log_softmax(Graph& graph, std::string name, TensorId x) {
  return graph.add_node(std::move(name), std::make_shared<LogSoftmax>(), {x})[0];
}

}  // namespace equipoise
