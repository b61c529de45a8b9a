#include "ops/average_pool.h"

#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/pool.h"
#include "ops/window.h"

namespace equipoise {
namespace {

/// Calls visit(index in y, in x, count) for every x that counts in a y.
template <typename Visit>
void for_each_share(const Shape& x, const Shape& y, const ops::PoolOptions& options, Visit visit) {
  std::int64_t in_y = 0;
  for (std::int64_t plane = 0; plane < y[0] * y[1]; ++plane) {
    for (std::int64_t h = 0; h < y[2]; ++h) {
      for (std::int64_t w = 0; w < y[3]; ++w, ++in_y) {
        const PoolField field = pool_field(options, x, h, w);
        const std::int64_t count = options.count_padding
                                       ? options.kernel[0] * options.kernel[1]
                                       : (field.bottom - field.top) * (field.right - field.left);
        for (std::int64_t row = field.top; row < field.bottom; ++row) {
          for (std::int64_t column = field.left; column < field.right; ++column) {
            visit(in_y, (plane * x[2] + row) * x[3] + column, static_cast<double>(count));
          }
        }
      }
    }
  }
}

double share_flops(const Shape& y, const ops::PoolOptions& options) {
  return static_cast<double>(y.element_count()) *
         static_cast<double>(options.kernel[0] * options.kernel[1]);
}

}  // namespace

Signature AveragePool::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> AveragePool::attributes() const { return pool_attributes(options_); }

std::vector<TensorType> AveragePool::infer(InputTypes inputs) const {
  require_image("x", *inputs[0]);
  return {{.shape = pool_output(inputs[0]->shape, options_)}};
}

void AveragePool::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  for_each_share(
      x.shape, y.shape, options_,
      [&](std::int64_t in_y, std::int64_t in_x, double count) { y[in_y] += x[in_x] / count; });
}

void AveragePool::differentiate(GradientWriter& writer) const {
  const GraphShape x = writer.input_type(0).shape;
  const auto gradient = std::make_shared<AveragePoolGradient>(options_, ops::Pair{x[2], x[3]});
  writer.set(0, writer.add_one("dx", gradient, {writer.output_gradient(0)}));
}

double AveragePool::flops(std::span<const Shape* const> /*inputs*/,
                          std::span<const Shape* const> outputs) const {
  return share_flops(*outputs[0], options_);
}

Signature AveragePoolGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> AveragePoolGradient::attributes() const {
  AttributeList list(pool_attributes(options_));
  return list.add("image", image_).list();
}

std::vector<TensorType> AveragePoolGradient::infer(InputTypes inputs) const {
  require_image("dy", *inputs[0]);
  const GraphShape& dy = inputs[0]->shape;
  const GraphShape dx = {dy[0], dy[1], image_[0], image_[1]};
  require_output_gradient(*inputs[0], dx, pool_output(dx, options_));
  return {{.shape = dx}};
}

void AveragePoolGradient::evaluate(const Evaluation& evaluation) const {
  const Array& dy = evaluation.input(0);
  Array& dx = evaluation.output(0);
  for_each_share(
      dx.shape, dy.shape, options_,
      [&](std::int64_t in_y, std::int64_t in_x, double count) { dx[in_x] += dy[in_y] / count; });
}

double AveragePoolGradient::flops(std::span<const Shape* const> inputs,
                                  std::span<const Shape* const> /*outputs*/) const {
  return share_flops(*inputs[0], options_);
}

TensorId ops::average_pool(Graph& graph, std::string name, TensorId x, const PoolOptions& options) {
  return graph.add_node(std::move(name), std::make_shared<AveragePool>(options), {x})[0];
}

}  // namespace equipoise
