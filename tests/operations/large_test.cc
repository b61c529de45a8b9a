/// Tensors of more elements than one task takes: parts meet where they should, and the bits do not
/// depend on who did which.

#include "norm/targets.h"
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/runtime.h"
#include "equipoise/session.h"
#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;

class LargeOperation : public ::testing::TestWithParam<std::tuple<OperationTest, Layout>> {};

std::vector<OperationTest> large_tests() {
  const auto input = [](Graph& graph, const GraphShape& shape) {
    return graph.add_input("x" + std::to_string(graph.tensors().size()), shape);
  };
  return {
      {.name = "gelu",
       .build =
           [=](Graph& graph) {
             return ops::activate(graph, "y", input(graph, {kN, 17, 37, 29}), ops::Function::kGelu);
           }},
      {.name = "add",
       .build =
           [=](Graph& graph) {
             return ops::add(graph, "y", input(graph, {kN, 17, 37, 29}),
                             input(graph, {kN, 17, 37, 29}));
           }},
      {.name = "multiply, a value per channel",
       .build =
           [=](Graph& graph) {
             return ops::multiply(graph, "y", input(graph, {kN, 24, 37, 29}),
                                  input(graph, {kN, 24, 1, 1}));
           }},
      {.name = "multiply, a value per position",
       .build =
           [=](Graph& graph) {
             return ops::multiply(graph, "y", input(graph, {kN, 24, 37, 29}),
                                  input(graph, {37, 29}));
           }},
      {.name = "add, one row",
       .build =
           [=](Graph& graph) {
             return ops::add(graph, "y", input(graph, {kN, 20000}), input(graph, {20000}));
           }},
      {.name = "multiply, one value",
       .build =
           [=](Graph& graph) {
             return ops::multiply(graph, "y", input(graph, {kN, 17, 37, 29}), input(graph, {}));
           }},
      {.name = "concatenate",
       .build =
           [=](Graph& graph) {
             const TensorId parts[] = {input(graph, {kN, 16, 37, 29}),
                                       input(graph, {kN, 17, 37, 29})};
             return ops::concatenate(graph, "y", parts, 1);
           }},
      {.name = "pad",
       .build =
           [=](Graph& graph) {
             return ops::pad(graph, "y", input(graph, {kN, 17, 37, 29}),
                             {.top = 1, .left = -2, .bottom = 0, .right = 3}, 0.5F);
           }},
      {.name = "slice",
       .build =
           [=](Graph& graph) {
             return ops::slice(graph, "y", input(graph, {kN, 40, 37, 29}), 1, 16, 20);
           }},
      {.name = "channels to the end",
       .build =
           [=](Graph& graph) {
             return ops::transpose(graph, "y", input(graph, {kN, 40, 37, 29}), {0, 2, 3, 1});
           }},
      {.name = "channels from the end",
       .build =
           [=](Graph& graph) {
             return ops::transpose(graph, "y", input(graph, {kN, 37, 29, 40}), {0, 3, 1, 2});
           }},
  };
}

TEST_P(LargeOperation, IsThatOfF64) {
  const auto& [test, layout] = GetParam();
  for_each_target([&] {
    for (const CheckedTensor& checked : check_in_engine(test, layout)) {
      EXPECT_LE(checked.error, test.tolerance) << checked.name << " on " << simd_target();
    }
  });
}

/// The result and all gradients.
std::vector<std::vector<float>> train(const EngineCase& engine_case, int threads) {
  set_num_threads(threads);
  Session session(engine_case.graph, engine_case.options);
  const StepResult step = session.train(engine_case.inputs());
  std::vector<std::string> names = {engine_case.result_name()};
  for (const std::string& name : engine_case.made.differentiable)
    names.push_back(name + ".gradient");
  std::vector<std::vector<float>> all;
  for (const std::string& name : names) {
    const auto values = step.results.values(name);
    all.emplace_back(values.begin(), values.end());
  }
  return all;
}

TEST_P(LargeOperation, HasTheSameBitsForAnyNumberOfThreads) {
  const auto& [test, layout] = GetParam();
  const EngineCase engine_case(test, layout);
  const RuntimeGuard guard;
  EXPECT_EQ(train(engine_case, 1), train(engine_case, 3));
}

std::string test_name(const ::testing::TestParamInfo<std::tuple<OperationTest, Layout>>& info) {
  return identifier(std::get<0>(info.param).name) + "_" + to_string(std::get<1>(info.param));
}

INSTANTIATE_TEST_SUITE_P(
    , LargeOperation,
    ::testing::Combine(::testing::ValuesIn(large_tests()),
                       ::testing::Values(Layout::kChannelsFirst, Layout::kChannelsLast,
                                         Layout::kBlocked8, Layout::kBlocked16)),
    test_name);

}  // namespace
}  // namespace equipoise::testing
