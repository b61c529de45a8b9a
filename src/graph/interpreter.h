#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "equipoise/graph.h"
#include "graph/array.h"

namespace equipoise {

struct Interpretation {
  /// N, for tensors that begin with it.
  std::int64_t batch = 1;
  std::uint64_t random_key = 0;
  /// Throws away what no later node reads and nobody asked for.
  bool keep_all = false;
};

/// Runs a graph node by node in f64, as the operations' textbooks say. `values` has every input,
/// parameter and buffer by name. The result has the graph's outputs (all tensors, with keep_all),
/// and under their own names the parameters and buffers that nodes have updated. Throws Error for a
/// value that is missing or of another shape.
std::map<std::string, Array> interpret(const Graph& graph,
                                       const std::map<std::string, Array>& values,
                                       const Interpretation& options);

}  // namespace equipoise
