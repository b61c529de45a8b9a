#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {

std::vector<OperationTest> embedding_tests() {
  std::vector<OperationTest> all;
  // Fewer entries than indices, so that rows are added up, and more, so that some get none.
  for (const auto& [shape, entries] :
       {std::pair{GraphShape{GraphShape::kBatch}, 11},
        std::pair{GraphShape{GraphShape::kBatch, 7}, 5}, std::pair{GraphShape{2, 3, 2}, 20}}) {
    all.push_back({.name = fmt::format("embedding/{} of {} entries", to_string(shape), entries),
                   .build =
                       [=](Graph& graph) {
                         const TensorId indices = graph.add_input("indices", shape, DType::kI32);
                         const TensorId table = graph.add_parameter("table", {entries, 9});
                         return ops::embedding(graph, "y", indices, table);
                       },
                   .fills = {{"indices", {.low = 0, .high = entries - 1.0, .integers = true}}}});
  }
  return all;
}

}  // namespace equipoise::testing
