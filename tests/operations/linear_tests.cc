#include "equipoise/operations.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

OperationTest linear_test(std::string name, GraphShape x, std::int64_t out, bool bias) {
  return {.name = "linear/" + name, .build = [=](Graph& graph) {
            const TensorId input = graph.add_input("x", x);
            const TensorId weight = graph.add_parameter("weight", {out, x[x.rank() - 1]});
            const TensorId b = bias ? graph.add_parameter("bias", {out}) : TensorId{};
            return ops::linear(graph, "y", input, weight, b);
          }};
}

}  // namespace

std::vector<OperationTest> linear_tests() {
  constexpr std::int64_t kN = GraphShape::kBatch;
  return {
      linear_test("(N, 7) to 5", {kN, 7}, 5, false),
      linear_test("(N, 17) to 19, bias", {kN, 17}, 19, true),
      linear_test("to one output, bias", {kN, 9}, 1, true),
      linear_test("from one input", {kN, 1}, 6, false),
      linear_test("(N, 4, 9) to 10, bias", {kN, 4, 9}, 10, true),
      linear_test("(N, 2, 3, 5) to 8", {kN, 2, 3, 5}, 8, false),
      linear_test("not batched, (4, 6) to 3, bias", {4, 6}, 3, true),
  };
}

}  // namespace equipoise::testing
