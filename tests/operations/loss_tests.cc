#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {

std::vector<OperationTest> loss_tests() {
  return {
      {.name = "mean_squared_error/(N, 5, 3)",
       .build =
           [](Graph& graph) {
             const TensorId x = graph.add_input("x", {GraphShape::kBatch, 5, 3});
             const TensorId target = graph.add_input("target", {GraphShape::kBatch, 5, 3});
             return ops::mean_squared_error(graph, "loss", x, target);
           }},
  };
}

}  // namespace equipoise::testing
