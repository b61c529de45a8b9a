#include <fmt/format.h>

#include "equipoise/operations.h"
#include "operations/descriptor.h"
#include "ops/function.h"

namespace equipoise::testing {
namespace {

OperationTest activation_test(ops::Function function, GraphShape shape) {
  return {.name = fmt::format("activate/{} {}", to_string(function), to_string(shape)),
          .build =
              [=](Graph& graph) {
                return ops::activate(graph, "y", graph.add_input("x", shape), function, 0.1F);
              },
          // Beyond all kinks, and the tails of the smooth ones.
          .fills = {{"x", {.low = -8, .high = 8, .kinks = {-3, 0, 3, 6}}}}};
}

}  // namespace

std::vector<OperationTest> activation_tests() {
  using ops::Function;
  std::vector<OperationTest> all;
  for (const Function function : {Function::kRelu, Function::kRelu6, Function::kLeakyRelu,
                                  Function::kSilu, Function::kSigmoid, Function::kTanh,
                                  Function::kGelu, Function::kHardSwish, Function::kHardSigmoid}) {
    all.push_back(activation_test(function, {GraphShape::kBatch, 17}));
    all.push_back(activation_test(function, {GraphShape::kBatch, 5, 3, 2}));
    all.push_back(activation_test(function, {GraphShape::kBatch, 24, 3, 1}));
  }
  return all;
}

}  // namespace equipoise::testing
