#include <cmath>

#include <fmt/format.h>

#include "equipoise/conventions.h"
#include "equipoise/operations.h"
#include "formats/onnx_names.h"
#include "formats/onnx_read_nodes.h"

namespace equipoise::formats {
namespace {

/// The channels of x, which has some.
std::int64_t channels_of(const OnnxReader& reader, const FileNode& node, TensorId x) {
  const GraphShape& shape = reader.shape(x);
  if (shape.rank() < 2) node.fail(fmt::format("reads x of shape {}", to_string(shape)));
  return shape[1];
}

double epsilon_of(const OnnxReader& reader, const FileNode& node) {
  return reader.notes().epsilon(node.output(), node.number("epsilon", 1e-5F));
}

ops::NormInputs channel_inputs(OnnxReader& reader, const FileNode& node, TensorId x) {
  const GraphShape vector{channels_of(reader, node, x)};
  return {.x = x,
          .weight = norm_parameter(reader, node.input(1), vector, 1),
          .bias = norm_parameter(reader, node.input(2), vector, 0)};
}

/// What the file says of training, or what ONNX does.
ops::BatchNormNode training_of(const OnnxReader& reader, const FileNode& node) {
  if (const auto noted = reader.notes().batch_norm(node.output())) return *noted;
  const Convention& onnx = convention(Framework::kOnnx);
  const double kept = node.number("momentum", static_cast<float>(onnx.default_momentum));
  constexpr double kDigits = 1e7;  // of an f32
  ops::BatchNormNode options;
  options.rule.momentum = std::round((1 - kept) * kDigits) / kDigits;
  options.rule.variance = onnx.variance;
  return options;
}

}  // namespace

TensorId norm_parameter(OnnxReader& reader, const std::string& name, const GraphShape& shape,
                        float neutral) {
  const FileConstant* constant = reader.file().constant(name);
  if (constant != nullptr && !constant->is_initializer && constant->holds(neutral)) return {};
  return reader.tensor(name, shape);
}

GraphShape trailing_shape(const GraphShape& shape, int trailing) {
  return GraphShape(shape.dimensions().last(static_cast<std::size_t>(trailing)));
}

void read_batch_norm(OnnxReader& reader, const FileNode& node) {
  if (node.integer("training_mode", 0) != 0) {
    node.fail("is in training mode; export the model in evaluation mode");
  }
  const TensorId x = reader.tensor(node.input(0));
  ops::NormInputs inputs = channel_inputs(reader, node, x);
  std::tie(inputs.running_mean, inputs.running_var) =
      reader.running(node, node.input(3), node.input(4), {channels_of(reader, node, x)});
  const std::string weights = reader.notes().position_weights(node.output());
  if (!weights.empty()) inputs.position_weights = reader.find(weights);
  ops::BatchNormNode options = training_of(reader, node);
  options.epsilon = epsilon_of(reader, node);
  reader.set(node.output(), ops::batch_norm(reader.graph(), reader.name_of(node), inputs, options));
}

void read_instance_norm(OnnxReader& reader, const FileNode& node) {
  const ops::NormInputs inputs = channel_inputs(reader, node, reader.tensor(node.input(0)));
  reader.set(node.output(), ops::instance_norm(reader.graph(), reader.name_of(node), inputs,
                                               {.epsilon = epsilon_of(reader, node)}));
}

void read_group_norm(OnnxReader& reader, const FileNode& node) {
  const ops::NormInputs inputs = channel_inputs(reader, node, reader.tensor(node.input(0)));
  reader.set(node.output(),
             ops::group_norm(reader.graph(), reader.name_of(node), inputs,
                             node.integer("num_groups", 1), {.epsilon = epsilon_of(reader, node)}));
}

void read_layer_norm(OnnxReader& reader, const FileNode& node) {
  if (node.output_count() > 1) node.fail("has more than one output, which is not read");
  const TensorId x = reader.tensor(node.input(0));
  const GraphShape& shape = reader.shape(x);
  const int trailing = shape.rank() - axis_of(node, node.integer("axis", -1), shape.rank());
  if (shape.batched() && trailing == shape.rank()) node.fail("is over the samples of a batch");
  const GraphShape parameter = trailing_shape(shape, trailing);
  ops::NormInputs inputs{.x = x, .weight = norm_parameter(reader, node.input(1), parameter, 1)};
  if (node.has_input(2)) inputs.bias = norm_parameter(reader, node.input(2), parameter, 0);
  reader.set(node.output(),
             ops::layer_norm(reader.graph(), reader.name_of(node), inputs, {.trailing = trailing},
                             {.epsilon = epsilon_of(reader, node)}));
}

/// Our function; see onnx_functions.h.
void read_masked_norm(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  ops::NormInputs inputs = channel_inputs(reader, node, x);
  inputs.position_weights = reader.tensor(node.input(3));
  const auto grouped = node.integers("grouped");
  if (!grouped || grouped->size() != 4) node.fail("has no shape of groups");
  const std::int64_t groups = (*grouped)[1];
  const ops::NormOptions options{.epsilon = epsilon_of(reader, node)};
  const std::string name = reader.name_of(node);
  reader.set(node.output(), groups == channels_of(reader, node, x)
                                ? ops::instance_norm(reader.graph(), name, inputs, options)
                                : ops::group_norm(reader.graph(), name, inputs, groups, options));
}

}  // namespace equipoise::formats
