#pragma once

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/graph.h"
#include "graph/array.h"

namespace equipoise::testing {

/// How a test fills an input: uniformly in [low, high], or with integers of that range; no closer
/// than `margin` to any of `kinks`, where a derivative jumps. With `distinct`, evenly spaced values
/// in random order: a maximum is a kink where two values are close.
struct Fill {
  double low = -1;
  double high = 1;
  bool integers = false;
  bool distinct = false;
  std::vector<double> kinks = {};
  double margin = 0.02;
};

/// One case of an operation. It drives all checks: f64 gradients against finite differences, and
/// the engine's forward and gradients in every layout against f64.
struct OperationTest {
  /// "convolution/stride 2, groups 3"
  std::string name;
  /// Adds inputs and the node to an empty graph, and returns what is checked. Batched tensors are
  /// resolved with `batch`.
  std::function<TensorId(Graph&)> build;
  std::int64_t batch = 3;
  /// By the input's name; others are filled by default.
  std::map<std::string, Fill, std::less<>> fills = {};
  /// Inputs of which no gradient is taken, besides those of integers.
  std::vector<std::string> constant_inputs = {};
  /// Error of the engine's f32, relative to the largest value of a tensor.
  double tolerance = 2e-6;
};

/// All of them, file by file.
std::vector<OperationTest> all_operation_tests();

/// One case per operation, as large as networks have it: for its time.
std::vector<OperationTest> timed_tests();

/// Of a case whose result is a normalization's: that result, computed again.
OperationTest repeated_norm(OperationTest test);

/// Values for every input, parameter and buffer of the graph, by name.
std::map<std::string, Array> fill_inputs(const Graph& graph, const OperationTest& test);

std::vector<OperationTest> activation_tests();
std::vector<OperationTest> convolution_tests();
std::vector<OperationTest> elementwise_tests();
std::vector<OperationTest> embedding_tests();
std::vector<OperationTest> fold_tests();
std::vector<OperationTest> linear_tests();
std::vector<OperationTest> loss_tests();
std::vector<OperationTest> norm_tests();
std::vector<OperationTest> pool_tests();
std::vector<OperationTest> random_tests();
std::vector<OperationTest> shape_tests();
std::vector<OperationTest> softmax_tests();
std::vector<OperationTest> update_tests();

}  // namespace equipoise::testing
