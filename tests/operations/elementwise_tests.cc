#include "equipoise/operations.h"
#include "operations/descriptor.h"

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
    test({kN, 10, 2, 2}, {kN, 1, 2, 2});
    test({kN, 10, 2, 2}, {1, 10, 1, 1});
    test({kN, 3, 4}, {1, 3, 4});
    test({1, 3, 4}, {kN, 1, 4});
    test({kN, 3, 4}, {3, 4});
    test({7}, {kN, 7});
    test({kN, 5}, {});
    test({4, 1}, {1, 5});
    test({2, 1, 3}, {4, 1});
    tests.push_back(square_test(operation, builder));
  }
  return tests;
}

}  // namespace equipoise::testing
