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

OperationTest matmul_test(std::string name, GraphShape a, GraphShape b,
                          ops::Transposed a_transposed = ops::Transposed::kNo,
                          ops::Transposed b_transposed = ops::Transposed::kNo) {
  return {.name = "matmul/" + name, .build = [=](Graph& graph) {
            const TensorId left = graph.add_input("a", a);
            const TensorId right = graph.add_input("b", b);
            return ops::matmul(graph, "y", left, right, a_transposed, b_transposed);
          }};
}

}  // namespace

std::vector<OperationTest> linear_tests() {
  constexpr std::int64_t kN = GraphShape::kBatch;
  constexpr auto kNo = ops::Transposed::kNo;
  constexpr auto kYes = ops::Transposed::kYes;
  return {
      linear_test("(N, 7) to 5", {kN, 7}, 5, false),
      linear_test("(N, 17) to 19, bias", {kN, 17}, 19, true),
      linear_test("to one output, bias", {kN, 9}, 1, true),
      linear_test("from one input", {kN, 1}, 6, false),
      linear_test("(N, 4, 9) to 10, bias", {kN, 4, 9}, 10, true),
      linear_test("(N, 2, 3, 5) to 8", {kN, 2, 3, 5}, 8, false),
      linear_test("not batched, (4, 6) to 3, bias", {4, 6}, 3, true),
      matmul_test("(4, 5)(5, 3)", {4, 5}, {5, 3}),
      matmul_test("(N, 5)(5, 9)", {kN, 5}, {5, 9}),
      matmul_test("(N, 5)T(N, 4)", {kN, 5}, {kN, 4}, kYes, kNo),
      matmul_test("(N, 4, 5)(N, 5, 3)", {kN, 4, 5}, {kN, 5, 3}),
      matmul_test("(N, 5, 4)T(N, 5, 3)", {kN, 5, 4}, {kN, 5, 3}, kYes, kNo),
      matmul_test("(N, 4, 5)(N, 3, 5)T", {kN, 4, 5}, {kN, 3, 5}, kNo, kYes),
      matmul_test("(N, 5, 4)T(N, 3, 5)T", {kN, 5, 4}, {kN, 3, 5}, kYes, kYes),
      matmul_test("(N, 2, 9, 17)(N, 2, 17, 10)", {kN, 2, 9, 17}, {kN, 2, 17, 10}),
      matmul_test("(N, 2, 6, 3)(N, 2, 6, 3)T", {kN, 2, 6, 3}, {kN, 2, 6, 3}, kNo, kYes),
      matmul_test("broadcast b, (N, 2, 3, 4)(1, 1, 4, 5)", {kN, 2, 3, 4}, {1, 1, 4, 5}),
      matmul_test("broadcast a, (1, 2, 3, 4)(N, 1, 4, 5)", {1, 2, 3, 4}, {kN, 1, 4, 5}),
      matmul_test("of lower rank, (N, 3, 4)(5, 4)T", {kN, 3, 4}, {5, 4}, kNo, kYes),
      matmul_test("of lower rank, (4, 3)T(N, 4, 2)", {4, 3}, {kN, 4, 2}, kYes, kNo),
  };
}

}  // namespace equipoise::testing
