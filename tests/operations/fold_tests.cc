#include "operations/descriptor.h"
#include "ops/fold_norm.h"

namespace equipoise::testing {
namespace {

enum class Optional : std::uint8_t { kAbsent, kGiven };

OperationTest fold_test(std::string name, FoldNorm::Output output, GraphShape weight,
                        Optional optional = Optional::kGiven) {
  return {.name = "fold_norm/" + std::move(name),
          .build =
              [=](Graph& graph) {
                const GraphShape channels{weight[0]};
                const auto optional_input = [&](const char* input) {
                  return optional == Optional::kGiven ? graph.add_parameter(input, channels)
                                                      : TensorId{};
                };
                const TensorId w = graph.add_parameter("weight", weight);
                const TensorId bias = optional_input("bias");
                const TensorId gamma = optional_input("gamma");
                const TensorId beta = optional_input("beta");
                const TensorId mean = graph.add_buffer("mean", channels);
                const TensorId var = graph.add_buffer("var", channels);
                return graph.add_node("folded", std::make_shared<FoldNorm>(1e-3),
                                      {w, bias, gamma, beta, mean, var})[output];
              },
          .fills = {{"var", {.low = 0, .high = 2}}},
          .constant_inputs = {"weight", "bias", "gamma", "beta"}};
}

}  // namespace

std::vector<OperationTest> fold_tests() {
  return {
      fold_test("weight of a convolution", FoldNorm::kFoldedWeight, {20, 3, 3, 2}),
      fold_test("bias of a convolution", FoldNorm::kFoldedBias, {20, 3, 3, 2}),
      fold_test("weight of a linear layer", FoldNorm::kFoldedWeight, {5, 7}),
      fold_test("weight without γ", FoldNorm::kFoldedWeight, {3, 7}, Optional::kAbsent),
      fold_test("bias without bias, γ and β", FoldNorm::kFoldedBias, {3, 7}, Optional::kAbsent),
      fold_test("one channel, longer than a task", FoldNorm::kFoldedWeight, {2, 20000}),
  };
}

}  // namespace equipoise::testing
