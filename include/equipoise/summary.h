#pragma once

/// What a graph is made of, for tables and documents.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/tensor.h"

namespace equipoise {

/// An option of an operation, such as stride = [2, 2].
struct Attribute {
  std::string_view name;
  std::variant<std::int64_t, double, bool, std::string, std::vector<std::int64_t>> value;
};

/// Something that a graph is given or gives back.
struct TensorSummary {
  std::string name = {};
  Shape shape = {};
  DType dtype = DType::kF32;
};

/// One node. What several nodes share (a tied weight) counts at the first.
struct LayerSummary {
  std::string name = {};
  /// "convolution"
  std::string operation = {};
  /// Those that differ from their defaults.
  std::vector<Attribute> attributes = {};
  /// Names of the inputs and results that it reads.
  std::vector<std::string> inputs = {};
  /// Of its first output.
  Shape output = {};
  /// Elements of its parameters that are trained, of those that are frozen, and of its buffers.
  std::int64_t trained = 0;
  std::int64_t frozen = 0;
  std::int64_t buffers = 0;
  /// Multiplications and additions of a forward, each counted as one.
  double flops = 0;
};

/// A graph for one batch size. Sums are over the tensors of the graph, so they hold also where no
/// layer reads one.
struct GraphSummary {
  std::string name = {};
  std::int64_t batch = 1;
  std::vector<TensorSummary> inputs = {};
  std::vector<TensorSummary> outputs = {};
  /// In the order in which they are computed.
  std::vector<LayerSummary> layers = {};
  std::int64_t trained = 0;
  std::int64_t frozen = 0;
  std::int64_t buffers = 0;
  /// Of all parameters, without buffers.
  std::size_t parameter_bytes = 0;
  double flops = 0;
};

/// Throws Error for a batch < 1.
[[nodiscard]] EQUIPOISE_API GraphSummary summarize(const Graph& graph, std::int64_t batch = 1);

}  // namespace equipoise
