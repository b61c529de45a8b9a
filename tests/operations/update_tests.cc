#include "equipoise/operations.h"
#include "operations/descriptor.h"
#include "ops/adamw_update.h"
#include "ops/average_update.h"
#include "ops/sgd_update.h"

namespace equipoise::testing {
namespace {

enum class Scale : std::uint8_t { kAbsent, kGiven };

TensorId scale_input(Graph& graph, Scale scale) {
  return scale == Scale::kGiven ? graph.add_input("scale", {}) : TensorId{};
}

OperationTest sgd_test(std::string name, const ops::SgdOptions& options,
                       Scale scale = Scale::kAbsent) {
  return {.name = "sgd_update/" + std::move(name),
          .build =
              [=](Graph& graph) {
                const GraphShape shape{9, 4, 3, 3};
                const TensorId parameter = graph.add_parameter("parameter", shape);
                const TensorId gradient = graph.add_input("gradient", shape);
                const TensorId rate = graph.add_input("rate", {});
                const TensorId velocity =
                    options.momentum != 0 ? graph.add_buffer("velocity", shape) : TensorId{};
                const bool wanted[] = {true, static_cast<bool>(velocity)};
                graph.add_node("update", std::make_shared<SgdUpdate>(options),
                               {parameter, gradient, velocity, rate, scale_input(graph, scale)},
                               wanted);
                return graph.tensor("update");
              },
          .fills = {{"rate", {.low = 0.1, .high = 0.2}}},
          .constant_inputs = {"parameter", "gradient", "rate", "scale"}};
}

OperationTest adamw_test(std::string name, const ops::AdamWOptions& options,
                         Scale scale = Scale::kAbsent) {
  return {.name = "adamw_update/" + std::move(name),
          .build =
              [=](Graph& graph) {
                const GraphShape shape{9, 4, 3, 3};
                const TensorId parameter = graph.add_parameter("parameter", shape);
                const TensorId gradient = graph.add_input("gradient", shape);
                const TensorId rate = graph.add_input("rate", {});
                const TensorId count = graph.add_input("count", {});
                static constexpr bool kWanted[] = {true, true, true};
                graph.add_node(
                    "update", std::make_shared<AdamWUpdate>(options),
                    {parameter, gradient, graph.add_buffer("exp_avg", shape),
                     graph.add_buffer("exp_avg_sq", shape), rate, count, scale_input(graph, scale)},
                    kWanted);
                return graph.tensor("update");
              },
          .fills = {{"rate", {.low = 0.1, .high = 0.2}},
                    {"count", {.low = 1, .high = 5, .integers = true}},
                    {"exp_avg_sq", {.low = 0.1, .high = 1}}},
          .constant_inputs = {"parameter", "gradient", "rate", "count", "scale"}};
}

OperationTest average_test(std::string name, const Fill& weight) {
  return {.name = "average_update/" + std::move(name),
          .build =
              [](Graph& graph) {
                const GraphShape shape{9, 4, 3, 3};
                return graph.add_node(
                    "update", std::make_shared<AverageUpdate>(),
                    {graph.add_buffer("average", shape), graph.add_input("x", shape),
                     graph.add_input("weight", {})})[0];
              },
          .fills = {{"weight", weight}},
          .constant_inputs = {"x", "weight"}};
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
      average_test("part", {.low = 0.2, .high = 0.3}),
      average_test("first", {.low = 1, .high = 1, .integers = true}),
      sgd_test("plain", {}),
      sgd_test("weight decay", {.weight_decay = 0.1}),
      sgd_test("momentum", {.momentum = 0.9}),
      sgd_test("momentum, weight decay", {.momentum = 0.9, .weight_decay = 0.1}),
      sgd_test("nesterov, weight decay", {.momentum = 0.9, .nesterov = true, .weight_decay = 0.1}),
      sgd_test("scale", {.weight_decay = 0.1}, Scale::kGiven),
      sgd_test("scale, momentum", {.momentum = 0.9, .weight_decay = 0.1}, Scale::kGiven),
      adamw_test("plain", {}),
      adamw_test("scale", {.epsilon = 0.1}, Scale::kGiven),
      adamw_test("weight decay",
                 {.beta1 = 0.5, .beta2 = 0.75, .epsilon = 0.1, .weight_decay = 0.1}),
  };
}

}  // namespace equipoise::testing
