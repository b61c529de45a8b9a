#include "formats/onnx_read_nodes.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/operations.h"
#include "formats/onnx_names.h"
#include "formats/onnx_values.h"

namespace equipoise::formats {
namespace {

using ops::Function;

template <Function kFunction>
void read_function(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  reader.set(node.output(), ops::activate(reader.graph(), reader.name_of(node), x, kFunction));
}

void read_leaky_relu(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  reader.set(node.output(), ops::activate(reader.graph(), reader.name_of(node), x,
                                          Function::kLeakyRelu, node.number("alpha", 0.01F)));
}

void read_hard_sigmoid(OnnxReader& reader, const FileNode& node) {
  constexpr float kTolerance = 1e-6F;
  if (std::abs(node.number("alpha", 0.2F) - 1.0F / 6) > kTolerance ||
      node.number("beta", 0.5F) != 0.5F) {
    node.fail("has other than alpha = 1/6 and beta = 1/2");
  }
  read_function<Function::kHardSigmoid>(reader, node);
}

void read_gelu(OnnxReader& reader, const FileNode& node) {
  if (node.text("approximate", "none") != "none")
    node.fail("is an approximation, which is not read");
  read_function<Function::kGelu>(reader, node);
}

/// A bound of Clip: an attribute, or an input.
float bound(const OnnxReader& reader, const FileNode& node, std::string_view attribute, int input,
            float by_default) {
  if (!node.has_input(input)) return node.number(attribute, by_default);
  const FileConstant* constant = reader.file().constant(node.input(input));
  const auto value = constant == nullptr ? std::nullopt : constant->scalar();
  if (!value) node.fail("has bounds that are no constant numbers");
  return *value;
}

void read_clip(OnnxReader& reader, const FileNode& node) {
  constexpr float kMost = std::numeric_limits<float>::max();
  const float least = bound(reader, node, "min", 1, -kMost);
  const float most = bound(reader, node, "max", 2, kMost);
  if (least == 0 && most == 6) return read_function<Function::kRelu6>(reader, node);
  if (least == 0 && most >= kMost) return read_function<Function::kRelu>(reader, node);
  node.fail("has other bounds than 0 and 6, or 0 alone");
}

using Combine = TensorId (*)(Graph& graph, std::string name, TensorId a, TensorId b);

template <Combine kCombine>
void read_binary(OnnxReader& reader, const FileNode& node) {
  const TensorId a = reader.tensor(node.input(0));
  const TensorId b = reader.tensor(node.input(1));
  reader.set(node.output(), kCombine(reader.graph(), reader.name_of(node), a, b));
}

/// Subtraction and division by a constant, as addition and multiplication by another.
template <Combine kCombine>
void read_inverse(OnnxReader& reader, const FileNode& node, float (*invert)(float)) {
  const TensorId a = reader.tensor(node.input(0));
  const FileConstant* constant = reader.file().constant(node.input(1));
  if (constant == nullptr) node.fail("takes away, or divides by, something that is computed");
  std::vector<float> values = numbers_of(*constant->tensor);
  std::ranges::transform(values, values.begin(), invert);
  const TensorId b = reader.graph().add_constant(
      reader.free_name(fmt::format("{}/inverse", node.output())),
      GraphShape(std::span<const std::int64_t>(constant->dimensions)), std::move(values));
  reader.set(node.output(), kCombine(reader.graph(), reader.name_of(node), a, b));
}

void read_subtract(OnnxReader& reader, const FileNode& node) {
  read_inverse<ops::add>(reader, node, [](float value) { return -value; });
}

void read_divide(OnnxReader& reader, const FileNode& node) {
  read_inverse<ops::multiply>(reader, node, [](float value) { return 1 / value; });
}

void read_gemm(OnnxReader& reader, const FileNode& node) {
  const bool has_bias = node.has_input(2);
  if (node.number("alpha", 1) != 1 || (has_bias && node.number("beta", 1) != 1) ||
      node.integer("transA", 0) != 0) {
    node.fail("has alpha, beta or transA, which are not read");
  }
  const TensorId x = reader.tensor(node.input(0));
  const TensorId weight = node.integer("transB", 0) != 0 ? reader.tensor(node.input(1))
                                                         : reader.transposed(node.input(1));
  TensorId bias;
  if (has_bias) bias = reader.tensor(node.input(2), {reader.shape(weight)[0]});
  reader.set(node.output(), ops::linear(reader.graph(), reader.name_of(node), x, weight, bias));
}

void read_matmul(OnnxReader& reader, const FileNode& node) {
  const TensorId a = reader.tensor(node.input(0));
  const TensorId b = reader.tensor(node.input(1));
  reader.set(node.output(), ops::matmul(reader.graph(), reader.name_of(node), a, b));
}

using Rowwise = TensorId (*)(Graph& graph, const std::string& name, TensorId x);

void read_rowwise(OnnxReader& reader, const FileNode& node, Rowwise function) {
  const TensorId x = reader.tensor(node.input(0));
  const int rank = reader.shape(x).rank();
  constexpr std::int64_t kNegativeSince = 13;
  const std::int64_t by_default = reader.file().opset() < kNegativeSince ? 1 : -1;
  if (axis_of(node, node.integer("axis", by_default), rank) != rank - 1) {
    node.fail("is along another dimension than the last");
  }
  reader.set(node.output(), function(reader.graph(), reader.name_of(node), x));
}

void read_softmax(OnnxReader& reader, const FileNode& node) {
  read_rowwise(reader, node, [](Graph& graph, const std::string& name, TensorId x) {
    return ops::softmax(graph, name, x);
  });
}

void read_log_softmax(OnnxReader& reader, const FileNode& node) {
  read_rowwise(reader, node, [](Graph& graph, const std::string& name, TensorId x) {
    return ops::log_softmax(graph, name, x);
  });
}

/// Our own are dropout, which the metadata know; others' change nothing.
void read_identity(OnnxReader& reader, const FileNode& node) {
  if (auto known = reader.integers(node.input(0))) {
    return reader.set_integers(node.output(), std::move(*known));
  }
  const TensorId x = reader.tensor(node.input(0));
  const auto& notes = reader.notes();
  if (const auto probability = notes.dropout(node.output(), "dropout")) {
    reader.set(node.output(), ops::dropout(reader.graph(), reader.name_of(node), x, *probability));
  } else if (const auto depth = notes.dropout(node.output(), "stochastic_depth")) {
    reader.set(node.output(),
               ops::stochastic_depth(reader.graph(), reader.name_of(node), x, *depth));
  } else {
    reader.set(node.output(), x);
  }
}

void read_dropout(OnnxReader& reader, const FileNode& node) {
  if (node.output_count() > 1) node.fail("has its mask as output, which is not read");
  const TensorId x = reader.tensor(node.input(0));
  const float probability = bound(reader, node, "ratio", 1, 0.5F);
  reader.set(node.output(), ops::dropout(reader.graph(), reader.name_of(node), x,
                                         static_cast<double>(probability)));
}

void read_masked_softmax(OnnxReader& reader, const FileNode& node) {
  const TensorId x = reader.tensor(node.input(0));
  const TensorId mask = reader.tensor(node.input(1));
  reader.set(node.output(), ops::softmax(reader.graph(), reader.name_of(node), x, mask));
}

struct Entry {
  std::string_view type;
  ReadNode read;
};

constexpr Entry kOperations[] = {
    {"Add", read_binary<ops::add>},
    {"AveragePool", read_average_pool},
    {"BatchNormalization", read_batch_norm},
    {"Cast", read_cast},
    {"Clip", read_clip},
    {"Concat", read_concat},
    {"Conv", read_convolution},
    {"Div", read_divide},
    {"Dropout", read_dropout},
    {"Flatten", read_flatten},
    {"Gather", read_gather},
    {"Gelu", read_gelu},
    {"Gemm", read_gemm},
    {"GlobalAveragePool", read_global_average_pool},
    {"GlobalMaxPool", read_global_max_pool},
    {"GroupNormalization", read_group_norm},
    {"HardSigmoid", read_hard_sigmoid},
    {"HardSwish", read_function<Function::kHardSwish>},
    {"Identity", read_identity},
    {"InstanceNormalization", read_instance_norm},
    {"LayerNormalization", read_layer_norm},
    {"LeakyRelu", read_leaky_relu},
    {"LogSoftmax", read_log_softmax},
    {"MatMul", read_matmul},
    {"MaxPool", read_max_pool},
    {"Mul", read_binary<ops::multiply>},
    {"Pad", read_pad},
    {"ReduceMean", read_reduce_mean},
    {"Relu", read_function<Function::kRelu>},
    {"Reshape", read_reshape},
    {"Shape", read_shape},
    {"Sigmoid", read_function<Function::kSigmoid>},
    {"Slice", read_slice},
    {"Softmax", read_softmax},
    {"Split", read_split},
    {"Squeeze", read_squeeze},
    {"Sub", read_subtract},
    {"Tanh", read_function<Function::kTanh>},
    {"Transpose", read_transpose},
    {"Unsqueeze", read_unsqueeze},
};

/// Of our domain; their definitions are in the file, for others.
constexpr Entry kFunctions[] = {
    {kMaskedMean, read_binary<ops::masked_mean>},
    {kMaskedNormalization, read_masked_norm},
    {kMaskedSoftmax, read_masked_softmax},
};

ReadNode find(std::span<const Entry> table, std::string_view type) {
  const auto found = std::ranges::find(table, type, &Entry::type);
  return found == table.end() ? nullptr : found->read;
}

}  // namespace

ReadNode find_node_reader(const OnnxFile& file, const FileNode& node) {
  if (node.is_standard()) return find(kOperations, node.type());
  if (node.domain() != kDomain || !file.is_ours()) return nullptr;
  const auto& defined = file.model().functions();
  if (std::ranges::find(defined, node.type(), &onnx::FunctionProto::name) == defined.end()) {
    node.fail("is a function whose definition is missing; the file is damaged");
  }
  return find(kFunctions, node.type());
}

std::string readable_operations() {
  std::vector<std::string_view> names;
  for (const Entry& entry : kOperations) names.push_back(entry.type);
  return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace equipoise::formats
