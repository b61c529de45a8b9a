#include "ops/max_pool.h"

#include <cmath>

#include "graph/differentiate.h"
#include "ops/pool.h"
#include "ops/window.h"

namespace equipoise {
namespace {

/// Calls visit(index in y, index in x of the largest value under the window).
template <typename Visit>
void for_each_maximum(const Array& x, const Shape& y, const ops::PoolOptions& options,
                      Visit visit) {
  std::int64_t in_y = 0;
  for (std::int64_t plane = 0; plane < y[0] * y[1]; ++plane) {
    for (std::int64_t h = 0; h < y[2]; ++h) {
      for (std::int64_t w = 0; w < y[3]; ++w, ++in_y) {
        const PoolField field = pool_field(options, x.shape, h, w);
        const auto index = [&](std::int64_t row, std::int64_t column) {
          return (plane * x.shape[2] + row) * x.shape[3] + column;
        };
        std::int64_t largest = index(field.top, field.left);
        for (std::int64_t row = field.top; row < field.bottom; ++row) {
          for (std::int64_t column = field.left; column < field.right; ++column) {
            const std::int64_t i = index(row, column);
            if (x[i] > x[largest] || std::isnan(x[i])) largest = i;
          }
        }
        visit(in_y, largest);
      }
    }
  }
}

double comparisons(const Shape& y, const ops::PoolOptions& options) {
  return static_cast<double>(y.element_count()) *
         static_cast<double>(options.kernel[0] * options.kernel[1] - 1);
}

}  // namespace

Signature MaxPool::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> MaxPool::attributes() const { return pool_attributes(options_); }

std::vector<TensorType> MaxPool::infer(InputTypes inputs) const {
  require_image("x", *inputs[0]);
  return {{.shape = pool_output(inputs[0]->shape, options_)}};
}

void MaxPool::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  for_each_maximum(x, y.shape, options_,
                   [&](std::int64_t in_y, std::int64_t in_x) { y[in_y] = x[in_x]; });
}

void MaxPool::differentiate(GradientWriter& writer) const {
  writer.set(0, writer.add_one("dx", std::make_shared<MaxPoolGradient>(options_),
                               {writer.input(0), writer.output_gradient(0)}));
}

double MaxPool::flops(std::span<const Shape* const> /*inputs*/,
                      std::span<const Shape* const> outputs) const {
  return comparisons(*outputs[0], options_);
}

Signature MaxPoolGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> MaxPoolGradient::attributes() const { return pool_attributes(options_); }

std::vector<TensorType> MaxPoolGradient::infer(InputTypes inputs) const {
  require_image("x", *inputs[kX]);
  const GraphShape& x = inputs[kX]->shape;
  require_output_gradient(*inputs[kDY], x, pool_output(x, options_));
  return {{.shape = x}};
}

void MaxPoolGradient::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  for_each_maximum(x, dy.shape, options_,
                   [&](std::int64_t in_y, std::int64_t in_x) { dx[in_x] += dy[in_y]; });
}

double MaxPoolGradient::flops(std::span<const Shape* const> inputs,
                              std::span<const Shape* const> /*outputs*/) const {
  return comparisons(*inputs[kDY], options_) + static_cast<double>(inputs[kDY]->element_count());
}

TensorId ops::max_pool(Graph& graph, std::string name, TensorId x, const PoolOptions& options) {
  return graph.add_node(std::move(name), std::make_shared<MaxPool>(options), {x})[0];
}

}  // namespace equipoise
