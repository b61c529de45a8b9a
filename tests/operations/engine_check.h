#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "equipoise/session.h"
#include "equipoise/tensor.h"
#include "graph/array.h"
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

/// A test as the engine is given it: images come in a layout, as between convolutions.
struct EngineCase {
  TestGraph made;
  std::map<std::string, Array> values;
  SessionOptions options;
  Graph graph;

  EngineCase(const OperationTest& test, Layout layout);
  const std::string& result_name() const { return made.graph.tensor(made.result).name; }
  bool trains() const { return !made.differentiable.empty(); }
  /// Views of this.
  std::vector<Input> inputs() const;
  /// Sets parameters and buffers.
  void load(State& state) const;

 private:
  /// Values of the interpreter as the engine takes them.
  struct Buffer {
    std::vector<float> numbers;
    std::vector<std::int32_t> indices;

    Buffer(const Array& array, DType dtype);
    const void* data() const {
      return numbers.empty() ? static_cast<const void*>(indices.data()) : numbers.data();
    }
  };
  std::map<std::string, Buffer> buffers_;
};

/// A name as GoogleTest allows it.
std::string identifier(const std::string& name);

}  // namespace equipoise::testing
