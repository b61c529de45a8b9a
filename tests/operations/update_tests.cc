#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

OperationTest sgd_test(std::string name, const ops::SgdOptions& options) {
  return {.name = "sgd_update/" + std::move(name),
          .build =
              [=](Graph& graph) {
                const GraphShape shape{9, 4, 3, 3};
                const TensorId parameter = graph.add_parameter("parameter", shape);
                const TensorId gradient = graph.add_input("gradient", shape);
                const TensorId rate = graph.add_input("rate", {});
                const TensorId velocity =
                    options.momentum != 0 ? graph.add_buffer("velocity", shape) : TensorId{};
                ops::sgd_update(graph, "update", parameter, gradient, velocity, rate, options);
                return graph.tensor("update");
              },
          .fills = {{"rate", {.low = 0.1, .high = 0.2}}},
          .constant_inputs = {"parameter", "gradient", "rate"}};
}

}  // namespace

std::vector<OperationTest> update_tests() {
  return {
      {.name = "gradient_norm/of three",
       .build =
           [](Graph& graph) {
             const TensorId gradients[] = {graph.add_input("first", {17, 3}),
                                           graph.add_input("second", {5}),
                                           graph.add_input("third", {})};
             return ops::gradient_norm(graph, "norm", gradients);
           },
       .constant_inputs = {"first", "second", "third"}},
      {.name = "gradient_norm/of a convolution's weight",
       .build =
           [](Graph& graph) {
             const TensorId gradients[] = {graph.add_input("first", {9, 4, 3, 3})};
             return ops::gradient_norm(graph, "norm", gradients);
           },
       .constant_inputs = {"first"}},
      sgd_test("plain", {}),
      sgd_test("weight decay", {.weight_decay = 0.1}),
      sgd_test("momentum", {.momentum = 0.9}),
      sgd_test("momentum, weight decay", {.momentum = 0.9, .weight_decay = 0.1}),
      sgd_test("nesterov, weight decay", {.momentum = 0.9, .nesterov = true, .weight_decay = 0.1}),
  };
}

}  // namespace equipoise::testing
