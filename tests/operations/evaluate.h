#pragma once

#include <map>
#include <string>

#include "graph/interpreter.h"

namespace equipoise::testing {

inline Array array_of(const Shape& shape, std::vector<double> values) {
  Array array(shape);
  array.values = std::move(values);
  return array;
}

/// One tensor of a graph in f64, by its name.
inline Array evaluate(const Graph& graph, const std::string& tensor,
                      const std::map<std::string, Array>& values, Interpretation options = {}) {
  options.keep_all = true;
  return interpret(graph, values, options).at(tensor);
}

}  // namespace equipoise::testing
