/// Tensors larger than what one task is given, in every layout: results and gradients are those of
/// f64, and the same bits for any number of threads.

#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "equipoise/runtime.h"
#include "operations/engine_check.h"
#include "ops/average_update.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;
constexpr ops::PoolOptions kPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = ops::Edges::all(1)};

/// Of one input "x".
template <class Build>
OperationTest unary(const char* name, GraphShape shape, Build build) {
  return {.name = name,
          .build = [=](Graph& graph) { return build(graph, graph.add_input("x", shape)); }};
}

std::vector<OperationTest> many_task_tests() {
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
      {.name = "average_update",
       .build =
           [](Graph& graph) {
             const GraphShape shape{211, 130};
             return graph.add_node("update", std::make_shared<AverageUpdate>(),
                                   {graph.add_buffer("average", shape), graph.add_input("x", shape),
                                    graph.add_input("weight", {})})[0];
           },
       .constant_inputs = {"x", "weight"}},
      {.name = "adamw_update",
       .build =
           [](Graph& graph) {
             const GraphShape shape{211, 130};
             ops::adamw_update(graph, "update", graph.add_parameter("parameter", shape),
                               graph.add_input("gradient", shape),
                               {.exp_avg = graph.add_buffer("exp_avg", shape),
                                .exp_avg_sq = graph.add_buffer("exp_avg_sq", shape)},
                               graph.add_input("rate", {}), graph.add_input("count", {}), {});
             return graph.tensor("update");
           },
       .fills = {{"count", {.low = 2, .high = 2, .integers = true}},
                 {"exp_avg_sq", {.low = 0.1, .high = 1}}},
       .constant_inputs = {"parameter", "gradient", "rate", "count"}},
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

class OperationOfManyTasks : public ::testing::TestWithParam<Layout> {
 protected:
  ~OperationOfManyTasks() override { set_num_threads(threads_); }

 private:
  int threads_ = num_threads();
};

TEST_P(OperationOfManyTasks, IsThatOfF64AndTheSameBitsForAnyNumberOfThreads) {
  for (const OperationTest& test : many_task_tests()) {
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

INSTANTIATE_TEST_SUITE_P(, OperationOfManyTasks,
                         ::testing::Values(Layout::kChannelsFirst, Layout::kChannelsLast,
                                           Layout::kBlocked8, Layout::kBlocked16),
                         [](const auto& layout) { return to_string(layout.param); });

}  // namespace
}  // namespace equipoise::testing
