#include "ops/convolution.h"

#include <algorithm>

#include <fmt/format.h>

#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/function.h"
#include "ops/require.h"
#include "ops/window.h"

namespace equipoise {
namespace {

using ops::ConvolutionOptions;
using ops::Pair;

AttributeList list_attributes(const ConvolutionOptions& options) {
  const ConvolutionOptions defaults;
  AttributeList list;
  list.add("stride", options.stride, defaults.stride)
      .add("padding", options.padding, defaults.padding)
      .add("dilation", options.dilation, defaults.dilation)
      .add("groups", options.groups, defaults.groups);
  return list;
}

/// The shape of y. Throws Error unless x (N, C, H, W), the weight and the options fit each other.
GraphShape infer_output(const GraphShape& x, const GraphShape& weight,
                        const ConvolutionOptions& options) {
  const std::int64_t channels = x[1];
  const std::int64_t groups = options.groups;
  if (groups < 1 || channels % groups != 0 || weight[0] % groups != 0) {
    fail_inference(
        fmt::format("x has shape {}, weight {}: {} groups do not divide {} channels of "
                    "x and {} of y",
                    to_string(x), to_string(weight), groups, channels, weight[0]));
  }
  if (weight[1] != channels / groups) {
    fail_inference(
        fmt::format("x has shape {}, weight {}; with {} channels and {} groups the weight's second "
                    "dimension has to be {}",
                    to_string(x), to_string(weight), channels, groups, channels / groups));
  }
  return window_output(x,
                       {.kernel = {weight[2], weight[3]},
                        .stride = options.stride,
                        .padding = options.padding,
                        .dilation = options.dilation},
                       weight[0]);
}

void require_weight(const TensorType& weight) {
  require_image("weight", weight);
  if (weight.shape.batched()) {
    fail_inference(fmt::format("weight has shape {}; it cannot depend on the batch size N",
                               to_string(weight.shape)));
  }
}

/// Calls visit(index in y, in x, in weight) for every product x·weight that counts in a y: the sum
/// that convolution is, and of which its gradients are the same products seen from x and weight.
template <typename Visit>
void for_each_product(const Shape& x, const Shape& weight, const Shape& y,
                      const ConvolutionOptions& options, Visit visit) {
  const std::int64_t outputs_per_group = weight[0] / options.groups;
  for (std::int64_t n = 0; n < y[0]; ++n) {
    for (std::int64_t o = 0; o < y[1]; ++o) {
      const std::int64_t first_channel = o / outputs_per_group * weight[1];
      for (std::int64_t c = 0; c < weight[1]; ++c) {
        const std::int64_t x_plane = (n * x[1] + first_channel + c) * x[2];
        for (std::int64_t i = 0; i < weight[2]; ++i) {
          for (std::int64_t j = 0; j < weight[3]; ++j) {
            const std::int64_t in_weight = ((o * weight[1] + c) * weight[2] + i) * weight[3] + j;
            for (std::int64_t h = 0; h < y[2]; ++h) {
              const std::int64_t row =
                  h * options.stride[0] + i * options.dilation[0] - options.padding.top;
              if (row < 0 || row >= x[2]) continue;
              for (std::int64_t w = 0; w < y[3]; ++w) {
                const std::int64_t column =
                    w * options.stride[1] + j * options.dilation[1] - options.padding.left;
                if (column < 0 || column >= x[3]) continue;
                visit(((n * y[1] + o) * y[2] + h) * y[3] + w, (x_plane + row) * x[3] + column,
                      in_weight);
              }
            }
          }
        }
      }
    }
  }
}

/// Padding counts as if it were multiplied, as is the custom.
double product_flops(const Shape& y, const Shape& weight) {
  return 2.0 * static_cast<double>(y.element_count()) *
         static_cast<double>(weight[1] * weight[2] * weight[3]);
}

}  // namespace

Signature Convolution::signature() const {
  static constexpr Signature::Port kInputs[] = {
      {"x"}, {"weight"}, {"bias", true}, {"residual", true}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Convolution::attributes() const {
  AttributeList list = list_attributes(options_);
  if (epilogue_.function) list.add("function", std::string(to_string(*epilogue_.function)));
  if (epilogue_.function == ops::Function::kLeakyRelu) {
    list.add("negative_slope", static_cast<double>(epilogue_.negative_slope));
  }
  return list.list();
}

std::vector<TensorType> Convolution::infer(InputTypes inputs) const {
  require_image("x", *inputs[kX]);
  require_weight(*inputs[kWeight]);
  const GraphShape& weight = inputs[kWeight]->shape;
  const GraphShape y = infer_output(inputs[kX]->shape, weight, options_);
  if (inputs[kBias] != nullptr) {
    require_dtype("bias", *inputs[kBias], DType::kF32);
    if (inputs[kBias]->shape != GraphShape{weight[0]}) {
      fail_inference(fmt::format("bias has shape {}, weight {}; bias has to be {}",
                                 to_string(inputs[kBias]->shape), to_string(weight),
                                 to_string(GraphShape{weight[0]})));
    }
  }
  if (inputs[kResidual] != nullptr) require_shape("residual", *inputs[kResidual], y, "y");
  return {{.shape = y}};
}

void Convolution::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& weight = evaluation.input(kWeight);
  Array& y = evaluation.output(0);
  if (evaluation.has(kBias)) {
    const std::int64_t positions = y.shape.positions();
    for (std::int64_t i = 0; i < y.size(); ++i) {
      y[i] = evaluation.input(kBias)[i / positions % y.shape[1]];
    }
  }
  for_each_product(x.shape, weight.shape, y.shape, options_,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     y[in_y] += weight[in_weight] * x[in_x];
                   });
  for (std::int64_t i = 0; i < y.size(); ++i) {
    if (evaluation.has(kResidual)) y[i] += evaluation.input(kResidual)[i];
    if (!epilogue_.function) continue;
    y[i] = value_of(*epilogue_.function, y[i], static_cast<double>(epilogue_.negative_slope));
  }
}

void Convolution::differentiate(GradientWriter& writer) const {
  if (epilogue_.function || writer.input(kResidual)) return Operation::differentiate(writer);
  const TensorId dy = writer.output_gradient(0);
  const GraphShape x = writer.input_type(kX).shape;
  const GraphShape weight = writer.input_type(kWeight).shape;
  if (writer.wants(kX)) {
    const auto gradient = std::make_shared<ConvolutionDataGradient>(options_, Pair{x[2], x[3]});
    writer.set(kX, writer.add_one("dx", gradient, {writer.input(kWeight), dy}));
  }
  if (writer.wants(kWeight) || writer.wants(kBias)) {
    const auto gradient =
        std::make_shared<ConvolutionWeightGradient>(options_, Pair{weight[2], weight[3]});
    const bool wanted[] = {true, writer.wants(kBias)};
    const auto outputs = writer.add("dweight", gradient, {writer.input(kX), dy}, wanted);
    if (writer.wants(kWeight)) writer.set(kWeight, outputs[ConvolutionWeightGradient::kDWeight]);
    if (writer.wants(kBias)) writer.set(kBias, outputs[ConvolutionWeightGradient::kDBias]);
  }
}

double Convolution::flops(std::span<const Shape* const> inputs,
                          std::span<const Shape* const> outputs) const {
  const int more = static_cast<int>(inputs[kBias] != nullptr) +
                   static_cast<int>(inputs[kResidual] != nullptr) +
                   static_cast<int>(epilogue_.function.has_value());
  return product_flops(*outputs[0], *inputs[kWeight]) +
         more * static_cast<double>(outputs[0]->element_count());
}

Signature ConvolutionDataGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"weight"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> ConvolutionDataGradient::attributes() const {
  return list_attributes(options_).add("image", image_).list();
}

std::vector<TensorType> ConvolutionDataGradient::infer(InputTypes inputs) const {
  require_weight(*inputs[kWeight]);
  require_image("dy", *inputs[kDY]);
  const GraphShape& weight = inputs[kWeight]->shape;
  const GraphShape& dy = inputs[kDY]->shape;
  const GraphShape dx = {dy[0], weight[1] * options_.groups, image_[0], image_[1]};
  require_output_gradient(*inputs[kDY], dx, infer_output(dx, weight, options_));
  return {{.shape = dx}};
}

void ConvolutionDataGradient::evaluate(const Evaluation& evaluation) const {
  const Array& weight = evaluation.input(kWeight);
  const Array& dy = evaluation.input(kDY);
  Array& dx = evaluation.output(0);
  for_each_product(dx.shape, weight.shape, dy.shape, options_,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     dx[in_x] += weight[in_weight] * dy[in_y];
                   });
}

double ConvolutionDataGradient::flops(std::span<const Shape* const> inputs,
                                      std::span<const Shape* const> /*outputs*/) const {
  return product_flops(*inputs[kDY], *inputs[kWeight]);
}

Signature ConvolutionWeightGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dweight"}, {"dbias", true}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> ConvolutionWeightGradient::attributes() const {
  return list_attributes(options_).add("kernel", kernel_).list();
}

std::vector<TensorType> ConvolutionWeightGradient::infer(InputTypes inputs) const {
  require_image("x", *inputs[kX]);
  require_image("dy", *inputs[kDY]);
  const GraphShape& x = inputs[kX]->shape;
  const GraphShape& dy = inputs[kDY]->shape;
  const std::int64_t groups = std::max<std::int64_t>(options_.groups, 1);
  const GraphShape dweight = {dy[1], x[1] / groups, kernel_[0], kernel_[1]};
  require_output_gradient(*inputs[kDY], x, infer_output(x, dweight, options_));
  return {{.shape = dweight}, {.shape = {dy[1]}}};
}

void ConvolutionWeightGradient::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& dy = evaluation.input(kDY);
  Array& dweight = evaluation.output(kDWeight);
  for_each_product(x.shape, dweight.shape, dy.shape, options_,
                   [&](std::int64_t in_y, std::int64_t in_x, std::int64_t in_weight) {
                     dweight[in_weight] += x[in_x] * dy[in_y];
                   });
  if (!evaluation.wants(kDBias)) return;
  const std::int64_t positions = dy.shape.positions();
  for (std::int64_t i = 0; i < dy.size(); ++i) {
    evaluation.output(kDBias)[i / positions % dy.shape[1]] += dy[i];
  }
}

double ConvolutionWeightGradient::flops(std::span<const Shape* const> inputs,
                                        std::span<const Shape* const> outputs) const {
  const double bias =
      outputs[kDBias] != nullptr ? static_cast<double>(inputs[kDY]->element_count()) : 0;
  return product_flops(*inputs[kDY], *outputs[kDWeight]) + bias;
}

TensorId ops::convolution(Graph& graph, std::string name, TensorId x, TensorId weight,
                          TensorId bias, const ConvolutionOptions& options) {
  return graph.add_node(std::move(name), std::make_shared<Convolution>(options),
                        {x, weight, bias, {}})[0];
}

}  // namespace equipoise
