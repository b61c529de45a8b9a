#include "ops/softmax.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/broadcast.h"

namespace equipoise {

Signature Softmax::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"mask", true}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Softmax::infer(InputTypes inputs) const {
  require_rows("x", *inputs[kX]);
  if (inputs[kMask] != nullptr) {
    require_dtype("mask", *inputs[kMask], DType::kF32);
    if (!broadcasts_to(inputs[kMask]->shape, inputs[kX]->shape)) {
      fail_inference(fmt::format("mask has shape {}, x {}; mask has to broadcast to x",
                                 to_string(inputs[kMask]->shape), to_string(inputs[kX]->shape)));
    }
  }
  return {*inputs[kX]};
}

void Softmax::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  Array& y = evaluation.output(0);
  std::vector<bool> counts(x.values.size(), true);
  if (evaluation.has(kMask)) {
    const Array& mask = evaluation.input(kMask);
    const auto in_mask = broadcast_offsets(mask.shape, x.shape);
    for (std::size_t i = 0; i < counts.size(); ++i) counts[i] = mask[in_mask[i]] != 0;
  }
  const auto length = static_cast<std::size_t>(x.shape[x.shape.rank() - 1]);
  for (std::size_t begin = 0; begin < x.values.size(); begin += length) {
    double largest = -std::numeric_limits<double>::infinity();
    for (std::size_t i = begin; i < begin + length; ++i) {
      if (counts[i]) largest = std::max(largest, x.values[i]);
    }
    double sum = 0;
    for (std::size_t i = begin; i < begin + length; ++i) {
      if (!counts[i]) continue;
      y.values[i] = std::exp(x.values[i] - largest);
      sum += y.values[i];
    }
    for (std::size_t i = begin; i < begin + length; ++i) {
      if (counts[i]) y.values[i] /= sum;
    }
  }
}

void Softmax::differentiate(GradientWriter& writer) const {
  if (!writer.wants(kX)) return;
  writer.set(kX, writer.add_one("dx", std::make_shared<SoftmaxGradient>(),
                                {writer.output(0), writer.output_gradient(0)}));
}

double Softmax::flops(std::span<const Shape* const> inputs,
                      std::span<const Shape* const> /*outputs*/) const {
  // Of each: comparison, difference, exponential, sum, quotient.
  return 5.0 * static_cast<double>(inputs[kX]->element_count());
}

Signature SoftmaxGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"y"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> SoftmaxGradient::infer(InputTypes inputs) const {
  require_rows("y", *inputs[kY]);
  require_rows("dy", *inputs[kDY]);
  if (inputs[kY]->shape != inputs[kDY]->shape) {
    fail_inference(fmt::format("y has shape {}, dy {}; they have to be equal",
                               to_string(inputs[kY]->shape), to_string(inputs[kDY]->shape)));
  }
  return {*inputs[kY]};
}

void SoftmaxGradient::evaluate(const Evaluation& evaluation) const {
  const Array& y = evaluation.input(kY);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  const std::int64_t length = y.shape[y.shape.rank() - 1];
  for (std::int64_t begin = 0; begin < y.size(); begin += length) {
    double sum = 0;
    for (std::int64_t i = begin; i < begin + length; ++i) sum += dy[i] * y[i];
    for (std::int64_t i = begin; i < begin + length; ++i) dx[i] = y[i] * (dy[i] - sum);
  }
}

double SoftmaxGradient::flops(std::span<const Shape* const> inputs,
                              std::span<const Shape* const> /*outputs*/) const {
  return 4.0 * static_cast<double>(inputs[kY]->element_count());
}

void require_rows(std::string_view name, const TensorType& type) {
  require_dtype(name, type, DType::kF32);
  const GraphShape& shape = type.shape;
  if (shape.rank() < (shape.batched() ? 2 : 1) || shape[shape.rank() - 1] < 1) {
    fail_inference(fmt::format("{} has shape {}; its last dimension has to be known, and ≥ 1", name,
                               to_string(shape)));
  }
}

TensorId ops::softmax(Graph& graph, std::string name, TensorId x, TensorId mask) {
  return graph.add_node(std::move(name), std::make_shared<Softmax>(), {x, mask})[0];
}

}  // namespace equipoise
