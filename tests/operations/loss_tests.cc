#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

OperationTest cross_entropy_test(std::int64_t classes, double smoothing, const Fill& logits) {
  return {.name = fmt::format("cross_entropy/{} classes, smoothing {}, logits to {}", classes,
                              smoothing, logits.high),
          .build =
              [=](Graph& graph) {
                return ops::cross_entropy(
                    graph, "loss", graph.add_input("logits", {GraphShape::kBatch, classes}),
                    graph.add_input("labels", {GraphShape::kBatch}, DType::kI32), smoothing);
              },
          .batch = 7,
          .fills = {
              {"logits", logits},
              {"labels", {.low = 0, .high = static_cast<double>(classes - 1), .integers = true}}}};
}

}  // namespace

std::vector<OperationTest> loss_tests() {
  return {
      {.name = "mean_squared_error/(N, 5, 3)",
       .build =
           [](Graph& graph) {
             const TensorId x = graph.add_input("x", {GraphShape::kBatch, 5, 3});
             const TensorId target = graph.add_input("target", {GraphShape::kBatch, 5, 3});
             return ops::mean_squared_error(graph, "loss", x, target);
           }},
      cross_entropy_test(10, 0, {.low = -3, .high = 3}),
      cross_entropy_test(17, 0.1, {.low = -3, .high = 3}),
      cross_entropy_test(2, 1, {.low = -3, .high = 3}),
      // exp of them overflows in f32, and differences of them do not.
      cross_entropy_test(5, 0.1, {.low = 997, .high = 1000}),
  };
}

}  // namespace equipoise::testing
