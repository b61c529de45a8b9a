#include <algorithm>
#include <array>
#include <cmath>
#include <numbers>
#include <numeric>
#include <string>
#include <vector>

#include "formats/onnx_names.h"
#include "formats/onnx_writer.h"
#include "ops/activate.h"
#include "ops/add.h"
#include "ops/attribute_list.h"
#include "ops/average_pool.h"
#include "ops/concatenate.h"
#include "ops/convolution.h"
#include "ops/dropout.h"
#include "ops/embedding.h"
#include "ops/global_average_pool.h"
#include "ops/linear.h"
#include "ops/log_softmax.h"
#include "ops/masked_mean.h"
#include "ops/matmul.h"
#include "ops/max_pool.h"
#include "ops/multiply.h"
#include "ops/pad.h"
#include "ops/reshape.h"
#include "ops/slice.h"
#include "ops/softmax.h"
#include "ops/transpose.h"

namespace equipoise::formats {
namespace {

/// The operation as one of a class, or null.
template <typename Operation>
const Operation* as(const OnnxNodes& nodes) {
  return dynamic_cast<const Operation*>(nodes.node().operation.get());
}

void write_convolution(OnnxNodes& nodes, const ops::ConvolutionOptions& options) {
  std::vector<std::string> inputs = {nodes.input(Convolution::kX),
                                     nodes.input(Convolution::kWeight)};
  if (nodes.has(Convolution::kBias)) inputs.push_back(nodes.input(Convolution::kBias));
  nodes.finish("Conv", inputs);
  nodes.attribute("kernel_shape", nodes.shape(Convolution::kWeight).dimensions().subspan(2));
  nodes.attribute("strides", options.stride);
  nodes.attribute("pads", as_list(options.padding));
  nodes.attribute("dilations", options.dilation);
  nodes.attribute("group", options.groups);
}

void write_linear(OnnxNodes& nodes) {
  const std::string& x = nodes.input(Linear::kX);
  const std::string& weight = nodes.input(Linear::kWeight);
  if (nodes.shape(Linear::kX).rank() == 2) {
    std::vector<std::string> inputs = {x, weight};
    if (nodes.has(Linear::kBias)) inputs.push_back(nodes.input(Linear::kBias));
    nodes.finish("Gemm", inputs);
    nodes.attribute("transB", std::int64_t{1});
    return;
  }
  const std::string transposed = nodes.add("Transpose", "weight", {weight});
  nodes.attribute("perm", std::array<std::int64_t, 2>{1, 0});
  if (!nodes.has(Linear::kBias)) return nodes.finish("MatMul", {x, transposed});
  nodes.finish("Add",
               {nodes.add("MatMul", "product", {x, transposed}), nodes.input(Linear::kBias)});
}

void write_matmul(OnnxNodes& nodes, const MatMul& operation) {
  const auto operand = [&](int i, ops::Transposed transposed, std::string_view part) {
    if (transposed == ops::Transposed::kNo) return nodes.input(i);
    const auto rank = static_cast<std::size_t>(nodes.shape(i).rank());
    std::vector<std::int64_t> permutation(rank);
    std::iota(permutation.begin(), permutation.end(), 0);
    std::swap(permutation[rank - 1], permutation[rank - 2]);
    std::string result = nodes.add("Transpose", part, {nodes.input(i)});
    nodes.attribute("perm", permutation);
    return result;
  };
  const std::string a = operand(MatMul::kA, operation.a_transposed(), "a");
  const std::string b = operand(MatMul::kB, operation.b_transposed(), "b");
  nodes.finish("MatMul", {a, b});
}

void write_pool(OnnxNodes& nodes, const char* operation, const ops::PoolOptions& options) {
  nodes.finish(operation, {nodes.input(0)});
  nodes.attribute("kernel_shape", options.kernel);
  nodes.attribute("strides", options.stride);
  nodes.attribute("pads", as_list(options.padding));
}

void write_reshape(OnnxNodes& nodes) {
  const GraphShape& shape = nodes.output_shape();
  if (shape.batched() && shape.rank() == 2) {
    nodes.finish("Flatten", {nodes.input(0)});
    return nodes.attribute("axis", std::int64_t{1});
  }
  std::vector<std::int64_t> dimensions(shape.dimensions().begin(), shape.dimensions().end());
  if (shape.batched()) dimensions[0] = 0;  // as that of x
  nodes.finish("Reshape", {nodes.input(0), nodes.integers("shape", dimensions)});
}

void write_transpose(OnnxNodes& nodes, const Transpose& operation) {
  nodes.finish("Transpose", {nodes.input(0)});
  const std::vector<int>& permutation = operation.permutation();
  nodes.attribute("perm", std::vector<std::int64_t>(permutation.begin(), permutation.end()));
}

void write_concatenate(OnnxNodes& nodes, const Concatenate& operation) {
  std::vector<std::string> inputs;
  for (std::size_t i = 0; i < nodes.node().inputs.size(); ++i) {
    inputs.push_back(nodes.input(static_cast<int>(i)));
  }
  nodes.finish("Concat", inputs);
  nodes.attribute("axis", std::int64_t{operation.axis()});
}

void write_slice(OnnxNodes& nodes, const Slice& operation) {
  const std::int64_t begin = operation.begin();
  const std::string from = nodes.integers("begin", {begin});
  const std::string to = nodes.integers("end", {begin + operation.length()});
  const std::string axis = nodes.integers("axis", {operation.axis()});
  nodes.finish("Slice", {nodes.input(0), from, to, axis});
}

void write_pad(OnnxNodes& nodes, const Pad& operation) {
  const auto whole = static_cast<std::size_t>(nodes.shape(0).rank()) - operation.before().size();
  std::vector<std::int64_t> pads(whole, 0);
  pads.insert(pads.end(), operation.before().begin(), operation.before().end());
  pads.insert(pads.end(), whole, 0);
  pads.insert(pads.end(), operation.after().begin(), operation.after().end());
  const std::string edges = nodes.integers("pads", pads);
  nodes.finish("Pad", {nodes.input(0), edges, nodes.number("value", operation.value())});
}

void write_softmax(OnnxNodes& nodes) {
  if (nodes.has(Softmax::kMask)) {
    return nodes.finish_function(kMaskedSoftmax,
                                 {nodes.input(Softmax::kX), nodes.input(Softmax::kMask)});
  }
  nodes.finish("Softmax", {nodes.input(Softmax::kX)});
  nodes.attribute("axis", std::int64_t{-1});
}

/// The identity in inference; what it is in training stands in the metadata.
void write_dropout(OnnxNodes& nodes, const Dropout& operation) {
  nodes.finish("Identity", {nodes.input(0)});
  nodes.notes().note_dropout(nodes.node().name, operation.type(), operation.probability());
}

}  // namespace

void write_function(OnnxNodes& nodes, ops::Function function, float negative_slope,
                    const std::string& x) {
  switch (function) {
    using enum ops::Function;
    case kRelu:
      return nodes.finish("Relu", {x});
    case kRelu6: {
      const std::string least = nodes.number("min", 0);
      return nodes.finish("Clip", {x, least, nodes.number("max", 6)});
    }
    case kLeakyRelu:
      nodes.finish("LeakyRelu", {x});
      return nodes.attribute("alpha", negative_slope);
    case kSilu:
      return nodes.finish("Mul", {x, nodes.add("Sigmoid", "sigmoid", {x})});
    case kSigmoid:
      return nodes.finish("Sigmoid", {x});
    case kTanh:
      return nodes.finish("Tanh", {x});
    case kGelu: {  // x·(1 + erf(x/√2))·½, as PyTorch writes it
      const std::string root = nodes.number("sqrt2", std::numbers::sqrt2_v<float>);
      const std::string erf = nodes.add("Erf", "erf", {nodes.add("Div", "scaled", {x, root})});
      const std::string sum = nodes.add("Add", "sum", {erf, nodes.number("one", 1)});
      const std::string product = nodes.add("Mul", "product", {x, sum});
      return nodes.finish("Mul", {product, nodes.number("half", 0.5F)});
    }
    case kHardSwish:
      return nodes.finish("HardSwish", {x});
    case kHardSigmoid:
      nodes.finish("HardSigmoid", {x});
      nodes.attribute("alpha", 1.0F / 6);
      return nodes.attribute("beta", 0.5F);
  }
}

void write_operation(OnnxNodes& nodes) {
  if (const auto* convolution = as<Convolution>(nodes)) {
    write_convolution(nodes, convolution->options());
  } else if (const auto* norm = as<Norm>(nodes)) {
    write_norm(nodes, norm->norm());
  } else if (as<Linear>(nodes) != nullptr) {
    write_linear(nodes);
  } else if (const auto* matmul = as<MatMul>(nodes)) {
    write_matmul(nodes, *matmul);
  } else if (const auto* activate = as<Activate>(nodes)) {
    write_function(nodes, activate->function(), activate->negative_slope(), nodes.input(0));
  } else if (as<Add>(nodes) != nullptr) {
    nodes.finish("Add", {nodes.input(Add::kA), nodes.input(Add::kB)});
  } else if (as<Multiply>(nodes) != nullptr) {
    nodes.finish("Mul", {nodes.input(Multiply::kA), nodes.input(Multiply::kB)});
  } else if (const auto* max_pool = as<MaxPool>(nodes)) {
    write_pool(nodes, "MaxPool", max_pool->options());
  } else if (const auto* average_pool = as<AveragePool>(nodes)) {
    write_pool(nodes, "AveragePool", average_pool->options());
    nodes.attribute("count_include_pad",
                    std::int64_t{average_pool->options().count_padding ? 1 : 0});
  } else if (as<GlobalAveragePool>(nodes) != nullptr) {
    nodes.finish("GlobalAveragePool", {nodes.input(0)});
  } else if (as<Reshape>(nodes) != nullptr) {
    write_reshape(nodes);
  } else if (const auto* transpose = as<Transpose>(nodes)) {
    write_transpose(nodes, *transpose);
  } else if (const auto* concatenate = as<Concatenate>(nodes)) {
    write_concatenate(nodes, *concatenate);
  } else if (const auto* slice = as<Slice>(nodes)) {
    write_slice(nodes, *slice);
  } else if (const auto* pad = as<Pad>(nodes)) {
    write_pad(nodes, *pad);
  } else if (as<Softmax>(nodes) != nullptr) {
    write_softmax(nodes);
  } else if (as<LogSoftmax>(nodes) != nullptr) {
    nodes.finish("LogSoftmax", {nodes.input(0)});
    nodes.attribute("axis", std::int64_t{-1});
  } else if (as<MaskedMean>(nodes) != nullptr) {
    nodes.finish_function(kMaskedMean,
                          {nodes.input(MaskedMean::kX), nodes.input(MaskedMean::kMask)});
  } else if (as<Embedding>(nodes) != nullptr) {
    nodes.finish("Gather", {nodes.input(Embedding::kTable), nodes.input(Embedding::kIndices)});
  } else if (const auto* dropout = as<Dropout>(nodes)) {
    write_dropout(nodes, *dropout);
  } else {
    nodes.fail("it belongs to training; write a graph whose outputs do not need it");
  }
}

}  // namespace equipoise::formats
