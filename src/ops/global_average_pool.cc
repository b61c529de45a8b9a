#include "ops/global_average_pool.h"

#include <fmt/format.h>

#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/window.h"

namespace equipoise {

Signature GlobalAveragePool::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> GlobalAveragePool::infer(InputTypes inputs) const {
  require_image("x", *inputs[0]);
  const GraphShape& x = inputs[0]->shape;
  if (x[2] < 1 || x[3] < 1) {
    fail_inference(fmt::format("x has shape {}; it needs at least one position", to_string(x)));
  }
  return {{.shape = {x[0], x[1], 1, 1}}};
}

void GlobalAveragePool::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  const std::int64_t positions = x.shape.positions();
  for (std::int64_t i = 0; i < x.size(); ++i) y[i / positions] += x[i];
  for (double& value : y.values) value /= static_cast<double>(positions);
}

void GlobalAveragePool::differentiate(GradientWriter& writer) const {
  const GraphShape x = writer.input_type(0).shape;
  const auto gradient = std::make_shared<GlobalAveragePoolGradient>(ops::Pair{x[2], x[3]});
  writer.set(0, writer.add_one("dx", gradient, {writer.output_gradient(0)}));
}

double GlobalAveragePool::flops(std::span<const Shape* const> inputs,
                                std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[0]->element_count());
}

Signature GlobalAveragePoolGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> GlobalAveragePoolGradient::attributes() const {
  return AttributeList().add("image", image_).list();
}

std::vector<TensorType> GlobalAveragePoolGradient::infer(InputTypes inputs) const {
  require_image("dy", *inputs[0]);
  const GraphShape& dy = inputs[0]->shape;
  const GraphShape dx = {dy[0], dy[1], image_[0], image_[1]};
  require_output_gradient(*inputs[0], dx, {dy[0], dy[1], 1, 1});
  return {{.shape = dx}};
}

void GlobalAveragePoolGradient::evaluate(const Evaluation& evaluation) const {
  const Array& dy = evaluation.input(0);
  Array& dx = evaluation.output(0);
  const std::int64_t positions = dx.shape.positions();
  for (std::int64_t i = 0; i < dx.size(); ++i) {
    dx[i] = dy[i / positions] / static_cast<double>(positions);
  }
}

double GlobalAveragePoolGradient::flops(std::span<const Shape* const> inputs,
                                        std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[0]->element_count());
}

TensorId ops::global_average_pool(Graph& graph, std::string name, TensorId x) {
  return graph.add_node(std::move(name), std::make_shared<GlobalAveragePool>(), {x})[0];
}

}  // namespace equipoise
