<<<<<<< HEAD
/// Tensors of more elements than one task takes: parts meet where they should, and the bits do not
/// depend on who did which.

#include "norm/targets.h"
#include <cstdint>
#include <string>
#include <tuple>
#include <vector>
=======
/// Tensors larger than what one task is given, in every layout: results and gradients are those of
/// f64, and the same bits for any number of threads.
>>>>>>> impl_b

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/runtime.h"
<<<<<<< HEAD
#include "equipoise/session.h"
=======
>>>>>>> impl_b
#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;
<<<<<<< HEAD

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
=======
constexpr ops::PoolOptions kPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = ops::Edges::all(1)};

/// Of one input "x".
template <class Build>
OperationTest unary(const char* name, GraphShape shape, Build build) {
  return {.name = name,
          .build = [=](Graph& graph) { return build(graph, graph.add_input("x", shape)); }};
}

std::vector<OperationTest> large_tests() {
  const GraphShape image{kN, 133, 19, 21};
  std::vector<OperationTest> tests = {
      unary("max_pool", image,
            [](Graph& graph, TensorId x) { return ops::max_pool(graph, "y", x, kPool); }),
      unary("average_pool", image,
            [](Graph& graph, TensorId x) { return ops::average_pool(graph, "y", x, kPool); }),
      unary("global_average_pool", image,
            [](Graph& graph, TensorId x) { return ops::global_average_pool(graph, "y", x); }),
      unary("dropout", image,
            [](Graph& graph, TensorId x) { return ops::dropout(graph, "y", x, 0.3); }),
      unary("dropout, many positions", {kN, 9, 131, 127},
            [](Graph& graph, TensorId x) { return ops::dropout(graph, "y", x, 0.3); }),
      unary("stochastic_depth", image,
            [](Graph& graph, TensorId x) { return ops::stochastic_depth(graph, "y", x, 0.3); }),
      unary("softmax", {kN, 30, 701},
            [](Graph& graph, TensorId x) { return ops::softmax(graph, "y", x); }),
      unary("log_softmax", {kN, 30, 701},
            [](Graph& graph, TensorId x) { return ops::log_softmax(graph, "y", x); }),
      {.name = "masked_mean",
       .build =
           [](Graph& graph) {
             return ops::masked_mean(graph, "y", graph.add_input("x", {kN, 61, 150}),
                                     graph.add_input("mask", {kN, 61}));
           },
       .fills = {{"mask", {.low = 0, .high = 1, .integers = true}}},
       .constant_inputs = {"mask"}},
      {.name = "embedding",
       .build =
           [](Graph& graph) {
             return ops::embedding(graph, "y", graph.add_input("indices", {kN, 50}, DType::kI32),
                                   graph.add_parameter("table", {140, 150}));
           },
       .fills = {{"indices", {.low = 0, .high = 139, .integers = true}}}},
      {.name = "cross_entropy",
       .build =
           [](Graph& graph) {
             return ops::cross_entropy(graph, "loss", graph.add_input("logits", {kN, 1003}),
                                       graph.add_input("labels", {kN}, DType::kI32), 0.1);
           },
       .batch = 70,
       .fills = {{"logits", {.low = -9, .high = 9}},
                 {"labels", {.low = 0, .high = 1002, .integers = true}}}},
      {.name = "gradient_norm",
       .build =
           [](Graph& graph) {
             const TensorId gradients[] = {graph.add_input("first", {211, 130}),
                                           graph.add_input("second", {7})};
             return ops::gradient_norm(graph, "norm", gradients);
           },
       .constant_inputs = {"first", "second"}},
      {.name = "sgd_update",
       .build =
           [](Graph& graph) {
             const GraphShape shape{211, 130};
             ops::sgd_update(graph, "update", graph.add_parameter("parameter", shape),
                             graph.add_input("gradient", shape),
                             graph.add_buffer("velocity", shape), graph.add_input("rate", {}),
                             {.momentum = 0.9});
             return graph.tensor("update");
           },
       .constant_inputs = {"parameter", "gradient", "rate"}},
  };
  for (OperationTest& test : tests) {
    if (test.name == "max_pool") test.fills = {{"x", {.distinct = true}}};
  }
  return tests;
}

class LargeOperation : public ::testing::TestWithParam<Layout> {
 protected:
  ~LargeOperation() override { set_num_threads(threads_); }

 private:
  int threads_ = num_threads();
};

TEST_P(LargeOperation, IsThatOfF64AndTheSameBitsForAnyNumberOfThreads) {
  for (const OperationTest& test : large_tests()) {
    SCOPED_TRACE(test.name);
    set_num_threads(1);
    const std::vector<CheckedTensor> alone = check_in_engine(test, GetParam());
    set_num_threads(3);
    const std::vector<CheckedTensor> together = check_in_engine(test, GetParam());
    for (std::size_t i = 0; i < alone.size(); ++i) {
      EXPECT_LE(alone[i].error, test.tolerance) << alone[i].name;
      EXPECT_EQ(alone[i].values, together[i].values) << alone[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(, LargeOperation,
                         ::testing::Values(Layout::kChannelsFirst, Layout::kChannelsLast,
                                           Layout::kBlocked8, Layout::kBlocked16),
                         [](const auto& layout) { return to_string(layout.param); });
>>>>>>> impl_b

}  // namespace
}  // namespace equipoise::testing
