// PyTorch's forward, backward and running statistics (pytorch_oracle.py has run before), in every
// layout.

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include <gtest/gtest.h>

#include "equipoise/running_statistics.h"
#include "norm/methods.h"
#include "norm/tensor_buffer.h"

namespace equipoise::testing {
namespace {

struct TorchTensor {
  std::vector<std::int64_t> dimensions;
  std::vector<double> values;

  std::vector<float> floats() const { return {values.begin(), values.end()}; }
};

using Tensors = std::map<std::string, TorchTensor>;

template <class T>
T read(std::istream& file) {
  T value{};
  file.read(reinterpret_cast<char*>(&value), sizeof(value));
  return value;
}

Tensors read_tensors() {
  std::ifstream file(EQUIPOISE_PYTORCH_CASES, std::ios::binary);
  Tensors tensors;
  while (file.peek() != std::ifstream::traits_type::eof()) {
    std::string name(read<std::uint32_t>(file), ' ');
    file.read(name.data(), static_cast<std::streamsize>(name.size()));
    TorchTensor tensor;
    std::int64_t count = 1;
    tensor.dimensions.resize(read<std::uint32_t>(file));
    for (std::int64_t& dimension : tensor.dimensions) {
      dimension = read<std::int64_t>(file);
      count *= dimension;
    }
    tensor.values.resize(static_cast<std::size_t>(count));
    file.read(reinterpret_cast<char*>(tensor.values.data()),
              static_cast<std::streamsize>(count * std::int64_t{sizeof(double)}));
    tensors.emplace(name, std::move(tensor));
  }
  return tensors;
}

double largest(const std::vector<double>& values) {
  double result = 0;
  for (const double value : values) result = std::max(result, std::abs(value));
  return result;
}

/// To 2e-5 of the largest: both sides sum the same terms, PyTorch in f64. `terms` is the size of
/// these terms where they may all but cancel.
void expect_close(const char* name, const std::vector<double>& actual,
                  const std::vector<double>& expected, double terms = 0) {
  ASSERT_EQ(actual.size(), expected.size()) << name;
  const double tolerance = 2e-5 * largest(expected) + 2e-6 * terms + 1e-9;
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance) << name << "[" << i << "]";
  }
}

std::vector<double> to_f64(std::span<const float> values) { return {values.begin(), values.end()}; }

class PyTorchOracle : public ::testing::Test {
 protected:
  void SetUp() override {
    tensors_ = read_tensors();
    if (!tensors_.empty()) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr)
        << "no answers of PyTorch in " << EQUIPOISE_PYTORCH_CASES;
    GTEST_SKIP() << "no answers of PyTorch in " << EQUIPOISE_PYTORCH_CASES
                 << ": install python3-torch and run ctest, which writes them first";
  }

  bool has(const std::string& name) const { return tensors_.contains(name); }
  const TorchTensor& at(const std::string& name) const { return tensors_.at(name); }
  double scalar(const std::string& name) const { return at(name).values.at(0); }

  /// One forward and backward of the case; call(arguments, record) normalizes.
  template <class Call>
  void expect_same(const std::string& name, double epsilon, Layout layout, NormRecord& record,
                   const Call& call) const {
    SCOPED_TRACE(name + " " + to_string(layout));
    const Shape shape(at(name + "/x").dimensions);
    const auto input = [&](const std::string& tensor) {
      Array array(shape.samples(), shape.channels(), shape.positions());
      array.values = at(name + tensor).values;
      return TensorBuffer(array, shape, layout, DType::kF32);
    };
    const TensorBuffer x = input("/x");
    const TensorBuffer dy = input("/dy");
    TensorBuffer y(shape, layout, DType::kF32);
    TensorBuffer dx = y;
    const auto parameter = [&](const std::string& tensor) {
      return has(name + tensor) ? at(name + tensor).floats() : std::vector<float>{};
    };
    const std::vector<float> weight = parameter("/weight");
    const std::vector<float> bias = parameter("/bias");
    std::vector<float> dweight(weight.size());
    std::vector<float> dbias(bias.size());

    NormForward forward;
    forward.x = x.view();
    forward.y = y.view();
    forward.weight = weight;
    forward.bias = bias;
    forward.epsilon = epsilon;
    call(forward, record);
    expect_close("y", y.unpack().values, at(name + "/y").values);

    NormBackward backward;
    backward.x = x.view();
    backward.dy = dy.view();
    backward.dx = dx.view();
    backward.weight = weight;
    backward.bias = bias;
    backward.dweight = dweight;
    backward.dbias = dbias;
    norm_backward(backward, record);
    const double gamma = weight.empty() ? 1 : largest(at(name + "/weight").values);
    const double terms = largest(at(name + "/dy").values) * gamma * std::ranges::max(record.rstd());
    expect_close("dx", dx.unpack().values, at(name + "/dx").values, terms);
    if (!weight.empty()) expect_close("dweight", to_f64(dweight), at(name + "/dweight").values);
    if (!bias.empty()) expect_close("dbias", to_f64(dbias), at(name + "/dbias").values);
  }

  /// All cases of a kind in every layout.
  template <class Call>
  void expect_same_in_all_cases(const std::string& kind, const Call& call) const {
    int cases = 0;
    for (; has(kind + "/" + std::to_string(cases) + "/epsilon"); ++cases) {
      const std::string name = kind + "/" + std::to_string(cases);
      for (const Layout layout : kLayouts) {
        NormRecord record;
        expect_same(name, scalar(name + "/epsilon"), layout, record,
                    [&](const NormForward& arguments, NormRecord& filled) {
                      call(name, arguments, &filled);
                    });
      }
    }
    EXPECT_GT(cases, 10);
  }

  /// Three steps of training and one of inference.
  void expect_same_training(const std::string& name, Layout layout) const {
    const double epsilon = scalar(name + "/epsilon");
    const double momentum = scalar(name + "/momentum");
    UpdateRule rule;
    if (momentum < 0) rule.averaging = Averaging::kCumulative;
    if (momentum >= 0) rule.momentum = momentum;
    RunningStatistics running(Shape(at(name + "/0/x").dimensions).channels(), rule);
    const auto normalize = [&](Statistics statistics) {
      return [&running, statistics](const NormForward& arguments, NormRecord& record) {
        BatchNormOptions options;
        options.statistics = statistics;
        options.running_mean = running.mean();
        options.running_var = running.var();
        batch_norm(arguments, options, &record);
      };
    };

    NormRecord record;
    for (const char* step : {"/0", "/1", "/2"}) {
      expect_same(name + step, epsilon, layout, record, normalize(Statistics::kBatch));
      running.stage(record.moments());
      running.commit();
      expect_close("running_mean", to_f64(running.mean()),
                   at(name + step + "/running_mean").values);
      expect_close("running_var", to_f64(running.var()), at(name + step + "/running_var").values);
    }
    expect_same(name + "/eval", epsilon, layout, record, normalize(Statistics::kRunning));
  }

 private:
  Tensors tensors_;
};

TEST_F(PyTorchOracle, BatchNormAndItsRunningStatisticsOverSeveralSteps) {
  int cases = 0;
  for (; has("batch_norm/" + std::to_string(cases) + "/epsilon"); ++cases) {
    for (const Layout layout : kLayouts) {
      expect_same_training("batch_norm/" + std::to_string(cases), layout);
    }
  }
  EXPECT_GT(cases, 10);
}

TEST_F(PyTorchOracle, InstanceNorm) {
  expect_same_in_all_cases(
      "instance_norm", [](const std::string&, const NormForward& arguments, NormRecord* record) {
        instance_norm(arguments, record);
      });
}

TEST_F(PyTorchOracle, GroupNorm) {
  expect_same_in_all_cases("group_norm", [this](const std::string& name,
                                                const NormForward& arguments, NormRecord* record) {
    group_norm(arguments, static_cast<std::int64_t>(scalar(name + "/groups")), record);
  });
}

TEST_F(PyTorchOracle, LayerNormOverTrailingDimensions) {
  expect_same_in_all_cases("layer_norm", [this](const std::string& name,
                                                const NormForward& arguments, NormRecord* record) {
    layer_norm(arguments, {.trailing = static_cast<int>(scalar(name + "/trailing"))}, record);
  });
}

TEST_F(PyTorchOracle, LayerNormOverChannels) {
  expect_same_in_all_cases(
      "layer_norm_channels",
      [](const std::string&, const NormForward& arguments, NormRecord* record) {
        layer_norm(arguments, {.over = NormalizedOver::kChannels}, record);
      });
}

TEST_F(PyTorchOracle, RmsNormByItsFormula) {
  expect_same_in_all_cases("rms_norm", [this](const std::string& name, const NormForward& arguments,
                                              NormRecord* record) {
    rms_norm(arguments, {.trailing = static_cast<int>(scalar(name + "/trailing"))}, record);
  });
}

}  // namespace
}  // namespace equipoise::testing
