#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {

std::vector<OperationTest> random_tests() {
  std::vector<OperationTest> all;
  for (const GraphShape& shape :
       {GraphShape{GraphShape::kBatch, 19}, GraphShape{GraphShape::kBatch, 9, 3, 2}}) {
    for (const double probability : {0.0, 0.3, 0.9}) {
      const std::string name = fmt::format("{}, {}", to_string(shape), probability);
      all.push_back({.name = "dropout/" + name,
                     .build =
                         [=](Graph& graph) {
                           return ops::dropout(graph, "y", graph.add_input("x", shape),
                                               probability);
                         },
                     .batch = 5});
      all.push_back({.name = "stochastic_depth/" + name,
                     .build =
                         [=](Graph& graph) {
                           return ops::stochastic_depth(graph, "y", graph.add_input("x", shape),
                                                        probability);
                         },
                     .batch = 5});
    }
  }
  return all;
}

}  // namespace equipoise::testing
