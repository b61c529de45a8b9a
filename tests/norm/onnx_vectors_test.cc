// The vectors of the ONNX standard (package libonnx-testdata): an implementation that shares
// nothing with ours.

#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <optional>

#include <gtest/gtest.h>

#include "norm/methods.h"
#include "norm/onnx_wire.h"
#include "norm/tensor_buffer.h"

namespace equipoise::testing {
namespace {

const std::string kNodes = EQUIPOISE_ONNX_TESTDATA "/node/";

struct OnnxTensor {
  std::vector<std::int64_t> dimensions;
  std::vector<float> values;
};

/// TensorProto: dims = 1, data_type = 2 (1 is float), float_data = 4, raw_data = 9.
OnnxTensor read_tensor(const std::string& path) {
  const std::string content = read_file(path);
  const auto fields = read_message(content);
  if (fields.find(2)->second.number != 1) throw std::runtime_error(path + " is not f32");
  OnnxTensor tensor;
  for (auto [at, end] = fields.equal_range(1); at != end; ++at) {
    if (at->second.bytes.empty()) {
      tensor.dimensions.push_back(static_cast<std::int64_t>(at->second.number));
      continue;
    }
    for (const char dimension : at->second.bytes) tensor.dimensions.push_back(dimension);  // packed
  }
  const auto raw = fields.find(9);
  const std::string_view bytes = (raw != fields.end() ? raw : fields.find(4))->second.bytes;
  for (std::size_t i = 0; i < bytes.size() / sizeof(float); ++i) {
    tensor.values.push_back(from_bytes<float>(bytes, i));
  }
  return tensor;
}

/// ModelProto.graph = 7, GraphProto.node = 1, NodeProto.attribute = 5, AttributeProto: name = 1, f
/// = 2, i = 3.
struct Attributes {
  double epsilon = 1e-5;
  double momentum = 0.9;
  int axis = -1;
  bool training_mode = false;
};

Attributes read_attributes(const std::string& path) {
  const std::string content = read_file(path);
  const auto graph = read_message(read_message(content).find(7)->second.bytes);
  const auto node = read_message(graph.find(1)->second.bytes);
  Attributes result;
  for (auto [at, end] = node.equal_range(5); at != end; ++at) {
    const auto attribute = read_message(at->second.bytes);
    const std::string_view name = attribute.find(1)->second.bytes;
    if (name == "epsilon") result.epsilon = from_bytes<float>(attribute.find(2)->second.bytes);
    if (name == "momentum") result.momentum = from_bytes<float>(attribute.find(2)->second.bytes);
    const auto integer = attribute.find(3);
    if (integer == attribute.end()) continue;
    if (name == "axis") result.axis = static_cast<int>(integer->second.number);
    if (name == "training_mode") result.training_mode = integer->second.number != 0;
  }
  return result;
}

/// A directory of the test data: model, inputs, outputs.
class Vector {
 public:
  explicit Vector(const std::string& name) : path_(kNodes + name) {}

  Attributes attributes() const { return read_attributes(path_ + "/model.onnx"); }
  OnnxTensor input(int i) const { return tensor("input_", i); }
  OnnxTensor output(int i) const { return tensor("output_", i); }

 private:
  OnnxTensor tensor(const char* kind, int i) const {
    return read_tensor(path_ + "/test_data_set_0/" + kind + std::to_string(i) + ".pb");
  }

  std::string path_;
};

Array to_array(const OnnxTensor& tensor, const Shape& shape) {
  Array array(shape.samples(), shape.channels(), shape.positions());
  array.values.assign(tensor.values.begin(), tensor.values.end());
  return array;
}

void expect_values(const std::vector<float>& expected, const std::vector<double>& actual) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    // They were computed in f32 and f64 by numpy.
    ASSERT_NEAR(actual[i], expected[i], 2e-6 + 1e-5 * std::abs(expected[i])) << "[" << i << "]";
  }
}

/// Runs a normalization in every layout and compares y.
template <class Call>
void expect_output(const OnnxTensor& x, const OnnxTensor& y, const Shape& shape,
                   const NormForward& parameters, const Call& call) {
  for (const Layout layout : kLayouts) {
    SCOPED_TRACE(to_string(layout));
    const TensorBuffer input(to_array(x, shape), shape, layout, DType::kF32);
    TensorBuffer output(shape, layout, DType::kF32);
    NormForward arguments = parameters;
    arguments.x = input.view();
    arguments.y = output.view();
    call(arguments);
    expect_values(y.values, output.unpack().values);
  }
}

class OnnxVectors : public ::testing::Test {
 protected:
  void SetUp() override {
    if (std::filesystem::exists(kNodes)) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr) << "no " << kNodes;
    GTEST_SKIP() << "no " << kNodes << ": install libonnx-testdata";
  }
};

TEST_F(OnnxVectors, BatchNormalization) {
  for (const char* name :
       {"test_batchnorm_example", "test_batchnorm_epsilon", "test_batchnorm_example_training_mode",
        "test_batchnorm_epsilon_training_mode"}) {
    SCOPED_TRACE(name);
    const Vector vector(name);
    const Attributes attributes = vector.attributes();
    const OnnxTensor x = vector.input(0);
    const OnnxTensor weight = vector.input(1);
    const OnnxTensor bias = vector.input(2);
    const OnnxTensor running_mean = vector.input(3);
    const OnnxTensor running_var = vector.input(4);
    NormForward parameters;
    parameters.weight = weight.values;
    parameters.bias = bias.values;
    parameters.epsilon = attributes.epsilon;
    BatchNormOptions options;
    options.statistics = attributes.training_mode ? Statistics::kBatch : Statistics::kRunning;
    options.running_mean = running_mean.values;
    options.running_var = running_var.values;

    NormRecord record;
    expect_output(x, vector.output(0), Shape(x.dimensions), parameters,
                  [&](const NormForward& arguments) { batch_norm(arguments, options, &record); });

    EXPECT_EQ(attributes.training_mode, std::string(name).ends_with("training_mode"));
    if (!attributes.training_mode) continue;
    // ONNX keeps momentum · old + (1 − momentum) · new, the new variance biased.
    std::vector<double> mean;
    std::vector<double> variance;
    for (std::size_t c = 0; c < record.moments().size(); ++c) {
      const Moments& moments = record.moments()[c];
      const double old_share = attributes.momentum;
      mean.push_back(old_share * running_mean.values[c] + (1 - old_share) * moments.mean);
      variance.push_back(old_share * running_var.values[c] + (1 - old_share) * moments.variance());
    }
    expect_values(vector.output(1).values, mean);
    expect_values(vector.output(2).values, variance);
  }
}

TEST_F(OnnxVectors, InstanceNormalization) {
  for (const char* name : {"test_instancenorm_example", "test_instancenorm_epsilon"}) {
    SCOPED_TRACE(name);
    const Vector vector(name);
    const OnnxTensor x = vector.input(0);
    const OnnxTensor weight = vector.input(1);
    const OnnxTensor bias = vector.input(2);
    NormForward parameters;
    parameters.weight = weight.values;
    parameters.bias = bias.values;
    parameters.epsilon = vector.attributes().epsilon;
    NormRecord record;
    expect_output(x, vector.output(0), Shape(x.dimensions), parameters,
                  [&](const NormForward& arguments) { instance_norm(arguments, &record); });
  }
}

void expect_layer_normalization(const std::string& name) {
  SCOPED_TRACE(name);
  const Vector vector(name);
  const Attributes attributes = vector.attributes();
  const OnnxTensor x = vector.input(0);
  const OnnxTensor weight = vector.input(1);
  const OnnxTensor bias = vector.input(2);
  const auto rank = static_cast<int>(x.dimensions.size());
  const int trailing = attributes.axis < 0 ? -attributes.axis : rank - attributes.axis;
  // A dimension of 1 in front leaves the samples where all of x is one group.
  std::vector<std::int64_t> dimensions = x.dimensions;
  if (trailing == rank) dimensions.insert(dimensions.begin(), 1);
  NormForward parameters;
  parameters.weight = weight.values;
  parameters.bias = bias.values;
  parameters.epsilon = attributes.epsilon;
  NormRecord record;
  expect_output(x, vector.output(0), Shape(dimensions), parameters,
                [&](const NormForward& arguments) {
                  layer_norm(arguments, {.trailing = trailing}, &record);
                });
  expect_values(vector.output(1).values, {record.mean().begin(), record.mean().end()});
  expect_values(vector.output(2).values, {record.rstd().begin(), record.rstd().end()});
}

TEST_F(OnnxVectors, LayerNormalizationOverEveryAxis) {
  int vectors = 0;
  for (const auto& entry : std::filesystem::directory_iterator(kNodes)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with("test_layer_normalization_") || name.ends_with("_expanded")) continue;
    expect_layer_normalization(name);
    ++vectors;
  }
  EXPECT_GE(vectors, 19) << "the vectors that there are in ONNX 1.12";
}

}  // namespace
}  // namespace equipoise::testing
