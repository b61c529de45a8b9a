#include <utility>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

using Builder = TensorId (*)(Graph&, std::string, TensorId);

TensorId unmasked_softmax(Graph& graph, std::string name, TensorId x) {
  return ops::softmax(graph, std::move(name), x);
}

/// x is in [−`bound`, `bound`].
OperationTest row_test(const std::string& operation, Builder builder, const GraphShape& shape,
                       double bound) {
  return {.name = fmt::format("{}/{} up to {}", operation, to_string(shape), bound),
          .build = [=](Graph& graph) { return builder(graph, "y", graph.add_input("x", shape)); },
          .fills = {{"x", {.low = -bound, .high = bound}}}};
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
  const Fill ones_and_zeros = {.low = 0, .high = 1, .integers = true};
  std::vector<OperationTest> tests = {
      masked_softmax_test("mask of its shape", {kN, 4, 9}, {kN, 4, 9}, ones_and_zeros),
      masked_softmax_test("mask of keys, (N, 2, 5, 5) by (N, 1, 1, 5)", {kN, 2, 5, 5},
                          {kN, 1, 1, 5}, ones_and_zeros),
      masked_softmax_test("mask of pairs, (N, 2, 4, 4) by (4, 4)", {kN, 2, 4, 4}, {4, 4},
                          ones_and_zeros),
      masked_softmax_test("some rows without any", {kN, 6, 2}, {kN, 6, 2}, ones_and_zeros),
      masked_mean_test("ones and zeros", {kN, 7, 9}, ones_and_zeros),
      masked_mean_test("weights", {kN, 4, 17}, {.low = 0, .high = 2}),
      masked_mean_test("all zero", {kN, 3, 4}, {.low = 0, .high = 0}),
      masked_mean_test("one position", {kN, 1, 5}, {.low = 1, .high = 1}),
  };
  for (const auto& [operation, builder] : {std::pair{"softmax", Builder{unmasked_softmax}},
                                           std::pair{"log_softmax", Builder{ops::log_softmax}}}) {
    const auto test = [&](const GraphShape& shape, double bound) {
      tests.push_back(row_test(operation, builder, shape, bound));
    };
    test({kN, 10}, 3);
    test({kN, 17}, 3);
    test({kN, 1}, 3);
    test({kN, 2, 3, 9}, 3);
    test({4, 5}, 3);
    test({6}, 3);
    test({kN, 9}, 60);
  }
  return tests;
}

}  // namespace equipoise::testing
