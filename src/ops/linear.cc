#include "ops/linear.h"

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"

namespace equipoise {
namespace {

void require_rows(std::string_view name, const TensorType& type) {
  require_dtype(name, type, DType::kF32);
  if (type.shape.rank() < 2) {
    fail_inference(fmt::format("{} has shape {}; it needs at least 2 dimensions", name,
                               to_string(type.shape)));
  }
}

void require_weight(const TensorType& weight) {
  require_dtype("weight", weight, DType::kF32);
  require_rank("weight", weight, 2);
  if (weight.shape.batched()) {
    fail_inference(fmt::format("weight has shape {}; it cannot depend on the batch size N",
                               to_string(weight.shape)));
  }
}

std::int64_t last(const GraphShape& shape) { return shape[shape.rank() - 1]; }
std::int64_t last(const Shape& shape) { return shape[shape.rank() - 1]; }

GraphShape with_last(const GraphShape& shape, std::int64_t size) {
  std::vector<std::int64_t> dimensions(shape.dimensions().begin(), shape.dimensions().end());
  dimensions.back() = size;
  return GraphShape(dimensions);
}

/// Calls visit(index in y, in x, in weight) for every product x·weight that counts in a y.
template <typename Visit>
void for_each_product(const Shape& x, const Shape& y, Visit visit) {
  const std::int64_t in = last(x);
  const std::int64_t out = last(y);
  const std::int64_t rows = out == 0 ? 0 : y.element_count() / out;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (std::int64_t o = 0; o < out; ++o) {
      for (std::int64_t i = 0; i < in; ++i) visit(row * out + o, row * in + i, o * in + i);
    }
  }
}

double product_flops(const Shape& y, const Shape& weight) {
  return 2.0 * static_cast<double>(y.element_count()) * static_cast<double>(weight[1]);
}

}  // namespace

Signature Linear::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"weight"}, {"bias", true}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Linear::infer(InputTypes inputs) const {
  require_rows("x", *inputs[kX]);
  require_weight(*inputs[kWeight]);
  const GraphShape& x = inputs[kX]->shape;
  const GraphShape& weight = inputs[kWeight]->shape;
  if (last(x) != weight[1]) {
    fail_inference(fmt::format("x has shape {}, weight {}; their last dimensions have to be equal",
                               to_string(x), to_string(weight)));
  }
  if (inputs[kBias] != nullptr) {
    require_dtype("bias", *inputs[kBias], DType::kF32);
    if (inputs[kBias]->shape != GraphShape{weight[0]}) {
      fail_inference(fmt::format("bias has shape {}, weight {}; bias has to be {}",
                                 to_string(inputs[kBias]->shape), to_string(weight),
                                 to_string(GraphShape{weight[0]})));
    }
  }
  return {{.shape = with_last(x, weight[0])}};
}

void Linear::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& weight = evaluation.input(kWeight);
  Array& y = evaluation.output(0);
  if (evaluation.has(kBias)) {
    const std::int64_t out = last(y.shape);
    for (std::int64_t i = 0; i < y.size(); ++i) y[i] = evaluation.input(kBias)[i % out];
  }
  for_each_product(x.shape, y.shape,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     y[in_y] += weight[in_weight] * x[in_x];
                   });
}

void Linear::differentiate(GradientWriter& writer) const {
  const TensorId dy = writer.output_gradient(0);
  if (writer.wants(kX)) {
    writer.set(kX, writer.add_one("dx", std::make_shared<LinearDataGradient>(),
                                  {writer.input(kWeight), dy}));
  }
  if (writer.wants(kWeight) || writer.wants(kBias)) {
    const bool wanted[] = {true, writer.wants(kBias)};
    const auto outputs = writer.add("dweight", std::make_shared<LinearWeightGradient>(),
                                    {writer.input(kX), dy}, wanted);
    if (writer.wants(kWeight)) writer.set(kWeight, outputs[LinearWeightGradient::kDWeight]);
    if (writer.wants(kBias)) writer.set(kBias, outputs[LinearWeightGradient::kDBias]);
  }
}

double Linear::flops(std::span<const Shape* const> inputs,
                     std::span<const Shape* const> outputs) const {
  const double bias =
      inputs[kBias] != nullptr ? static_cast<double>(outputs[0]->element_count()) : 0;
  return product_flops(*outputs[0], *inputs[kWeight]) + bias;
}

Signature LinearDataGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"weight"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> LinearDataGradient::infer(InputTypes inputs) const {
  require_weight(*inputs[kWeight]);
  require_rows("dy", *inputs[kDY]);
  const GraphShape& weight = inputs[kWeight]->shape;
  const GraphShape& dy = inputs[kDY]->shape;
  if (last(dy) != weight[0]) {
    fail_inference(fmt::format("dy has shape {}, weight {}; dy's last dimension has to be {}",
                               to_string(dy), to_string(weight), weight[0]));
  }
  return {{.shape = with_last(dy, weight[1])}};
}

void LinearDataGradient::evaluate(const Evaluation& evaluation) const {
  const Array& weight = evaluation.input(kWeight);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  for_each_product(dx.shape, dy.shape,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     dx[in_x] += weight[in_weight] * dy[in_y];
                   });
}

double LinearDataGradient::flops(std::span<const Shape* const> inputs,
                                 std::span<const Shape* const> /*outputs*/) const {
  return product_flops(*inputs[kDY], *inputs[kWeight]);
}

Signature LinearWeightGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dweight"}, {"dbias", true}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> LinearWeightGradient::infer(InputTypes inputs) const {
  require_rows("x", *inputs[kX]);
  require_rows("dy", *inputs[kDY]);
  const GraphShape& x = inputs[kX]->shape;
  const GraphShape& dy = inputs[kDY]->shape;
  if (with_last(x, last(dy)) != dy) {
    fail_inference(fmt::format("x has shape {}, dy {}; all but the last dimension have to be equal",
                               to_string(x), to_string(dy)));
  }
  return {{.shape = {last(dy), last(x)}}, {.shape = {last(dy)}}};
}

void LinearWeightGradient::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& dy = evaluation.input(kDY);
  Array& dweight = evaluation.output(kDWeight);
  for_each_product(x.shape, dy.shape,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     dweight[in_weight] += x[in_x] * dy[in_y];
                   });
  if (!evaluation.wants(kDBias)) return;
  const std::int64_t out = last(dy.shape);
  for (std::int64_t i = 0; i < dy.size(); ++i) evaluation.output(kDBias)[i % out] += dy[i];
}

double LinearWeightGradient::flops(std::span<const Shape* const> inputs,
                                   std::span<const Shape* const> outputs) const {
  const double bias =
      outputs[kDBias] != nullptr ? static_cast<double>(inputs[kDY]->element_count()) : 0;
  return product_flops(*inputs[kDY], *outputs[kDWeight]) + bias;
}

TensorId ops::linear(Graph& graph, std::string name, TensorId x, TensorId weight, TensorId bias) {
  return graph.add_node(std::move(name), std::make_shared<Linear>(), {x, weight, bias})[0];
}

}  // namespace equipoise
