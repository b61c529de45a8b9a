#include <memory>

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/sum.h"
#include "operations/descriptor.h"
#include "ops/multiply_sum_to.h"
#include "ops/scale_shift.h"
#include "ops/sum_to.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

using Builder = TensorId (*)(Graph&, std::string, TensorId, TensorId);

OperationTest pair_test(const std::string& operation, Builder builder, const GraphShape& a,
                        const GraphShape& b) {
  return {.name = operation + "/" + to_string(a) + " and " + to_string(b),
          .build = [=](Graph& graph) {
            const TensorId first = graph.add_input("a", a);
            const TensorId second = graph.add_input("b", b);
            return builder(graph, "y", first, second);
          }};
}

OperationTest square_test(const std::string& operation, Builder builder) {
  return {.name = operation + "/x and x", .build = [=](Graph& graph) {
            const TensorId x = graph.add_input("x", {kN, 5});
            return builder(graph, "y", x, x);
          }};
}

/// Three nodes read x: its gradient is the sum of three terms.
OperationTest reader_test() {
  return {.name = "sum/of three gradients", .build = [](Graph& graph) {
            const TensorId x = graph.add_input("x", {kN, 17, 3, 2});
            const TensorId y = graph.add_input("y", {kN, 17, 3, 2});
            const TensorId square = ops::multiply(graph, "square", x, y);
            const TensorId sum = ops::add(graph, "sum", x, square);
            return ops::multiply(graph, "product", sum, x);
          }};
}

/// Differentiation alone writes sums, so they are built by hand; of shapes that are equal.
OperationTest sum_test(const GraphShape& shape, int count) {
  return {.name = fmt::format("sum/{} of {}", count, to_string(shape)), .build = [=](Graph& graph) {
            std::vector<TensorId> inputs;
            for (int i = 0; i < count; ++i) {
              inputs.push_back(graph.add_input(fmt::format("x{}", i), shape));
            }
            return graph.add_node("y", std::make_shared<Sum>(), inputs)[0];
          }};
}

OperationTest sum_to_test(const GraphShape& from, const GraphShape& to) {
  return {.name = fmt::format("sum_to/{} to {}", to_string(from), to_string(to)),
          .build =
              [=](Graph& graph) {
                const TensorId x = graph.add_input("x", from);
                return graph.add_node("y", std::make_shared<SumTo>(to), {x})[0];
              },
          .constant_inputs = {"x"}};
}

OperationTest multiply_sum_to_test(const GraphShape& from, const GraphShape& to) {
  return {.name = fmt::format("multiply_sum_to/{} to {}", to_string(from), to_string(to)),
          .build =
              [=](Graph& graph) {
                const TensorId a = graph.add_input("a", from);
                const TensorId b = graph.add_input("b", from);
                return graph.add_node("y", std::make_shared<MultiplySumTo>(to), {a, b})[0];
              },
          .constant_inputs = {"a", "b"}};
}

OperationTest scale_shift_test(std::int64_t channels, std::int64_t height, std::int64_t width) {
  return {
      .name = fmt::format("scale_shift/{} channels, {}x{}", channels, height, width),
      .build =
          [=](Graph& graph) {
            const TensorId x = graph.add_input("x", {kN, channels, height, width});
            const TensorId scale = graph.add_input("scale", {kN, channels, 1, 1});
            const TensorId shift = graph.add_input("shift", {kN, channels, 1, 1});
            return graph.add_node("y", std::make_shared<ScaleShift>(0.25), {x, scale, shift})[0];
          },
      .constant_inputs = {"x", "scale", "shift"}};
}

}  // namespace

std::vector<OperationTest> elementwise_tests() {
  std::vector<OperationTest> tests;
  for (const auto& [operation, builder] :
       {std::pair{"add", Builder{ops::add}}, std::pair{"multiply", Builder{ops::multiply}}}) {
    const auto test = [&](const GraphShape& a, const GraphShape& b) {
      tests.push_back(pair_test(operation, builder, a, b));
    };
    test({kN, 17, 3, 2}, {kN, 17, 3, 2});
    test({kN, 9, 2, 3}, {kN, 9, 1, 1});
    test({kN, 9, 1, 1}, {kN, 9, 2, 3});
    test({kN, 24, 5, 3}, {kN, 24, 1, 1});
    test({1, 17, 3, 3}, {1, 17, 1, 1});
    test({kN, 17, 2, 3}, {17, 2, 3});
    test({kN, 17, 2, 2}, {17, 1, 1});
    test({kN, 17, 2, 2}, {});
    test({kN, 3, 2, 40}, {40});
    test({kN, 1, 3, 3}, {kN, 17, 1, 1});
    test({kN, 80}, {80});
    test({kN, 10, 2, 2}, {kN, 1, 2, 2});
    test({kN, 10, 2, 2}, {1, 10, 1, 1});
    test({kN, 3, 4}, {1, 3, 4});
    test({1, 3, 4}, {kN, 1, 4});
    test({kN, 3, 4}, {3, 4});
    test({7}, {kN, 7});
    test({kN, 5}, {});
    test({4, 1}, {1, 5});
    test({2, 1, 3}, {4, 1});
    test({3, 4}, {3, 4});
    tests.push_back(square_test(operation, builder));
  }
  tests.push_back(reader_test());
  tests.push_back(sum_test({kN, 17, 3, 2}, 2));
  tests.push_back(sum_test({kN, 9, 5}, 3));
  tests.push_back(sum_test({7}, 4));
  tests.push_back(sum_to_test({kN, 17, 3, 2}, {17, 1, 1}));
  tests.push_back(sum_to_test({kN, 9, 2, 3}, {kN, 9, 1, 1}));
  tests.push_back(sum_to_test({kN, 10, 3, 2}, {kN, 1, 3, 2}));
  tests.push_back(sum_to_test({kN, 10, 3}, {3}));
  tests.push_back(sum_to_test({kN, 6}, {}));
  tests.push_back(multiply_sum_to_test({kN, 17, 3, 2}, {17, 1, 1}));
  tests.push_back(multiply_sum_to_test({kN, 9, 2, 3}, {kN, 9, 1, 1}));
  tests.push_back(multiply_sum_to_test({kN, 16, 7, 9}, {kN, 16, 1, 1}));
  tests.push_back(multiply_sum_to_test({kN, 10, 3, 2}, {kN, 1, 3, 2}));
  tests.push_back(multiply_sum_to_test({kN, 10, 3}, {3}));
  tests.push_back(scale_shift_test(17, 3, 2));
  tests.push_back(scale_shift_test(9, 1, 1));
  tests.push_back(scale_shift_test(16, 40, 41));
  return tests;
}

}  // namespace equipoise::testing
