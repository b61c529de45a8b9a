#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

OperationTest softmax_test(const GraphShape& shape, Fill fill = {.low = -3, .high = 3}) {
  return {
      .name = "softmax/" + to_string(shape) + " up to " + std::to_string(fill.high),
      .build = [=](Graph& graph) { return ops::softmax(graph, "y", graph.add_input("x", shape)); },
      .fills = {{"x", fill}}};
}

OperationTest log_softmax_test(const GraphShape& shape, Fill fill = {.low = -3, .high = 3}) {
  return {
      .name = "log_softmax/" + to_string(shape) + " up to " + std::to_string(fill.high),
      .build =
          [=](Graph& graph) { return ops::log_softmax(graph, "y", graph.add_input("x", shape)); },
      .fills = {{"x", fill}}};
}

OperationTest masked_softmax_test(const std::string& name, const GraphShape& shape,
                                  const GraphShape& mask, Fill fill) {
  return {.name = "softmax/" + name,
          .build =
              [=](Graph& graph) {
                const TensorId x = graph.add_input("x", shape);
                const TensorId m = graph.add_input("mask", mask);
                return ops::softmax(graph, "y", x, m);
              },
          .fills = {{"mask", fill}},
          .constant_inputs = {"mask"}};
}

OperationTest masked_mean_test(const std::string& name, const GraphShape& shape, Fill fill) {
  return {.name = "masked_mean/" + name,
          .build =
              [=](Graph& graph) {
                const TensorId x = graph.add_input("x", shape);
                const TensorId mask = graph.add_input("mask", {shape[0], shape[1]});
                return ops::masked_mean(graph, "y", x, mask);
              },
          .fills = {{"mask", fill}},
          .constant_inputs = {"mask"}};
}

}  // namespace

std::vector<OperationTest> softmax_tests() {
  constexpr Fill kLarge = {.low = -60, .high = 60};
  const Fill ones_and_zeros = {.low = 0, .high = 1, .integers = true};
  return {
      softmax_test({kN, 7}),
      softmax_test({kN, 17}),
      softmax_test({kN, 1}),
      softmax_test({kN, 2, 3, 9}),
      softmax_test({4, 5}),
      softmax_test({6}),
      masked_softmax_test("mask of its shape", {kN, 4, 9}, {kN, 4, 9}, ones_and_zeros),
      masked_softmax_test("mask of keys, (N, 2, 5, 5) by (N, 1, 1, 5)", {kN, 2, 5, 5},
                          {kN, 1, 1, 5}, ones_and_zeros),
      masked_softmax_test("mask of pairs, (N, 2, 4, 4) by (4, 4)", {kN, 2, 4, 4}, {4, 4},
                          ones_and_zeros),
      masked_softmax_test("some rows without any", {kN, 6, 2}, {kN, 6, 2}, ones_and_zeros),
      log_softmax_test({kN, 10}),
      log_softmax_test({kN, 3, 17}),
      log_softmax_test({5}),
      log_softmax_test({kN, 9}, kLarge),
      masked_mean_test("ones and zeros", {kN, 7, 9}, ones_and_zeros),
      masked_mean_test("weights", {kN, 4, 17}, {.low = 0, .high = 2}),
      masked_mean_test("all zero", {kN, 3, 4}, {.low = 0, .high = 0}),
      masked_mean_test("one position", {kN, 1, 5}, {.low = 1, .high = 1}),
  };
}

}  // namespace equipoise::testing
