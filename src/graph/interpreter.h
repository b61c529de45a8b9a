#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "equipoise/graph.h"
#include "graph/array.h"

namespace equipoise {

struct Interpretation {
  /// N, for tensors that begin with it.
  std::int64_t batch = 1;
  std::uint64_t random_key = 0;
  /// Gives back every tensor, where otherwise what no later node reads is thrown away.
  bool keep_all = false;
};

/// Runs a graph node by node in f64, as the operations' textbooks say. `values` has every input,
/// parameter and buffer by name. The result has the graph's outputs (all tensors, with keep_all),
/// and under their own names the parameters and buffers that nodes have updated. Throws Error for a
/// value that is missing or of another shape.
std::map<std::string, Array> interpret(const Graph& graph,
                                       const std::map<std::string, Array>& values,
                                       const Interpretation& options);

/// The values of a constant.
Array constant_values(const TensorInfo& constant);

/// What one node computes of its inputs (null where absent), per output; empty where nobody wants
/// one.
std::vector<Array> evaluate(const Graph& graph, const Node& node,
                            std::span<const Array* const> inputs, const Interpretation& options);

}  // namespace equipoise
