#pragma once

#include <string>
#include <vector>

#include "equipoise/tensor.h"
#include "operations/descriptor.h"

namespace equipoise::testing {

/// How far a tensor of the engine is from that of f64, relative to the largest value there.
struct CheckedTensor {
  std::string name;
  double error = 0;
  std::vector<float> values;  ///< of the engine
};

/// The result of the operation in training, and if it can be differentiated the gradients of all
/// its inputs, with images in this layout between reorders.
std::vector<CheckedTensor> check_in_engine(const OperationTest& test, Layout layout);

/// The graph of a test with a loss that depends on each element of the result in its own way.
struct TestGraph {
  Graph graph;
  TensorId result;
  TensorId loss;
  std::vector<std::string> differentiable;  ///< inputs and parameters
};
TestGraph graph_of(const OperationTest& test);

/// A name as GoogleTest allows it.
std::string identifier(const std::string& name);

}  // namespace equipoise::testing
