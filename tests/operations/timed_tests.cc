/// Sizes worth timing: images of 25.7 MB, as behind the first stage of a ResNet-50 with 32 samples,
/// so that an input and an output do not fit a cache of 32 MiB together; and what a small
/// transformer has.

#include <memory>
#include <utility>

#include "equipoise/operations.h"
#include "graph/sum.h"
#include "operations/descriptor.h"
#include "ops/average_update.h"
#include "ops/fold_norm.h"
#include "ops/multiply_sum_to.h"
#include "ops/scale_shift.h"
#include "ops/sum_to.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kN = GraphShape::kBatch;
constexpr std::int64_t kSamples = 32;
constexpr std::int64_t kChannels = 64;
GraphShape image() { return {kN, kChannels, 56, 56}; }
constexpr ops::PoolOptions kPool{.kernel = {3, 3}, .stride = {2, 2}, .padding = ops::Edges::all(1)};

using Unary = TensorId (*)(Graph&, TensorId);

OperationTest unary(std::string name, const GraphShape& shape, Unary build) {
  return {.name = std::move(name),
          .build = [=](Graph& graph) { return build(graph, graph.add_input("x", shape)); },
          .batch = kSamples};
}

OperationTest binary(std::string name, const GraphShape& shape,
                     TensorId (*build)(Graph&, std::string, TensorId, TensorId)) {
  return {.name = std::move(name),
          .build =
              [=](Graph& graph) {
                const TensorId a = graph.add_input("a", shape);
                return build(graph, "y", a, graph.add_input("b", shape));
              },
          .batch = kSamples};
}

OperationTest norm(std::string name, TensorId (*build)(Graph&, const ops::NormInputs&)) {
  return {.name = std::move(name),
          .build =
              [=](Graph& graph) {
                return build(graph, {.x = graph.add_input("x", image()),
                                     .weight = graph.add_parameter("weight", {kChannels}),
                                     .bias = graph.add_parameter("bias", {kChannels})});
              },
          .batch = kSamples};
}

void add_products(std::vector<OperationTest>& all) {
  all.push_back({.name = "convolution",
                 .build =
                     [](Graph& graph) {
                       return ops::convolution(
                           graph, "y", graph.add_input("x", image()),
                           graph.add_parameter("weight", {kChannels, kChannels, 3, 3}), {},
                           {.padding = ops::Edges::all(1)});
                     },
                 .batch = kSamples});
  all.push_back({.name = "linear",
                 .build =
                     [](Graph& graph) {
                       return ops::linear(graph, "y", graph.add_input("x", {kN, 2048}),
                                          graph.add_parameter("weight", {1000, 2048}),
                                          graph.add_parameter("bias", {1000}));
                     },
                 .batch = 256});
  all.push_back({.name = "matmul",
                 .build =
                     [](Graph& graph) {
                       const GraphShape heads{kN, 12, 128, 64};
                       return ops::matmul(graph, "y", graph.add_input("queries", heads),
                                          graph.add_input("keys", heads), ops::Transposed::kNo,
                                          ops::Transposed::kYes);
                     },
                 .batch = kSamples});
}

void add_norms(std::vector<OperationTest>& all) {
  using Inputs = const ops::NormInputs&;
  all.push_back(norm("batch_norm", [](Graph& graph, Inputs in) {
    return ops::batch_norm(graph, "y", in, {.update_running = false});
  }));
  all.push_back(norm("instance_norm",
                     [](Graph& graph, Inputs in) { return ops::instance_norm(graph, "y", in); }));
  all.push_back(norm("group_norm",
                     [](Graph& graph, Inputs in) { return ops::group_norm(graph, "y", in, 32); }));
  all.push_back(norm("layer_norm", [](Graph& graph, Inputs in) {
    return ops::layer_norm(graph, "y", in, {.over = NormalizedOver::kChannels});
  }));
  all.push_back(norm("rms_norm", [](Graph& graph, Inputs in) {
    return ops::rms_norm(graph, "y", in, {.over = NormalizedOver::kChannels});
  }));
  const std::vector<OperationTest> norms = all;
  for (const OperationTest& test : norms) {
    if (test.name.ends_with("_norm")) all.push_back(repeated_norm(test));
  }
}

void add_elementwise(std::vector<OperationTest>& all) {
  all.push_back(unary("activate", image(), [](Graph& graph, TensorId x) {
    return ops::activate(graph, "y", x, ops::Function::kSilu);
  }));
  all.push_back(binary("add", image(), ops::add));
  all.push_back(binary("multiply", image(), ops::multiply));
  all.push_back(binary("sum", image(), [](Graph& graph, std::string name, TensorId a, TensorId b) {
    return graph.add_node(std::move(name), std::make_shared<Sum>(), {a, b})[0];
  }));
  all.push_back(unary("sum_to", image(), [](Graph& graph, TensorId x) {
    return graph.add_node("y", std::make_shared<SumTo>(GraphShape{kChannels, 1, 1}), {x})[0];
  }));
  all.back().constant_inputs = {"x"};
  all.push_back(binary(
      "multiply_sum_to", image(), [](Graph& graph, std::string name, TensorId a, TensorId b) {
        const auto sum = std::make_shared<MultiplySumTo>(GraphShape{kN, kChannels, 1, 1});
        return graph.add_node(std::move(name), sum, {a, b})[0];
      }));
  all.back().constant_inputs = {"a", "b"};
  all.push_back(unary("scale_shift", image(), [](Graph& graph, TensorId x) {
    const TensorId scale = graph.add_input("scale", {kN, kChannels, 1, 1});
    const TensorId shift = graph.add_input("shift", {kN, kChannels, 1, 1});
    return graph.add_node("y", std::make_shared<ScaleShift>(0.25), {x, scale, shift})[0];
  }));
  all.back().constant_inputs = {"x", "scale", "shift"};
  all.push_back(unary("dropout", image(),
                      [](Graph& graph, TensorId x) { return ops::dropout(graph, "y", x, 0.2); }));
  all.push_back(unary("stochastic_depth", image(), [](Graph& graph, TensorId x) {
    return ops::stochastic_depth(graph, "y", x, 0.2);
  }));
}

void add_shapes(std::vector<OperationTest>& all) {
  all.push_back(unary("reshape", image(), [](Graph& graph, TensorId x) {
    return ops::reshape(graph, "y", x, {kN, kChannels, 56 * 56});
  }));
  all.push_back(unary("transpose", image(), [](Graph& graph, TensorId x) {
    return ops::transpose(graph, "y", x, {0, 2, 3, 1});
  }));
  all.push_back(
      binary("concatenate", image(), [](Graph& graph, std::string name, TensorId a, TensorId b) {
        const TensorId parts[] = {a, b};
        return ops::concatenate(graph, std::move(name), parts, 1);
      }));
  all.push_back(unary("slice", image(), [](Graph& graph, TensorId x) {
    return ops::slice(graph, "y", x, 1, 16, 32);
  }));
  all.push_back(unary("pad", image(), [](Graph& graph, TensorId x) {
    return ops::pad(graph, "y", x, ops::Edges::all(1));
  }));
}

void add_pools(std::vector<OperationTest>& all) {
  all.push_back(unary("max_pool", image(), [](Graph& graph, TensorId x) {
    return ops::max_pool(graph, "y", x, kPool);
  }));
  all.push_back(unary("average_pool", image(), [](Graph& graph, TensorId x) {
    return ops::average_pool(graph, "y", x, kPool);
  }));
  all.push_back(unary("global_average_pool", image(), [](Graph& graph, TensorId x) {
    return ops::global_average_pool(graph, "y", x);
  }));
}

void add_rows(std::vector<OperationTest>& all) {
  const GraphShape scores{kN, 12, 128, 128};
  all.push_back(unary("softmax", scores,
                      [](Graph& graph, TensorId x) { return ops::softmax(graph, "y", x); }));
  all.push_back(unary("log_softmax", scores,
                      [](Graph& graph, TensorId x) { return ops::log_softmax(graph, "y", x); }));
  all.push_back({.name = "masked_mean",
                 .build =
                     [](Graph& graph) {
                       return ops::masked_mean(graph, "y", graph.add_input("x", {kN, 128, 768}),
                                               graph.add_input("mask", {kN, 128}));
                     },
                 .batch = kSamples,
                 .fills = {{"mask", {.low = 0, .high = 1, .integers = true}}},
                 .constant_inputs = {"mask"}});
  all.push_back({.name = "embedding",
                 .build =
                     [](Graph& graph) {
                       return ops::embedding(graph, "y",
                                             graph.add_input("indices", {kN, 128}, DType::kI32),
                                             graph.add_parameter("table", {8000, 256}));
                     },
                 .batch = kSamples,
                 .fills = {{"indices", {.low = 0, .high = 7999, .integers = true}}}});
}

void add_losses_and_update(std::vector<OperationTest>& all) {
  all.push_back({.name = "cross_entropy",
                 .build =
                     [](Graph& graph) {
                       return ops::cross_entropy(graph, "y", graph.add_input("logits", {kN, 1000}),
                                                 graph.add_input("labels", {kN}, DType::kI32));
                     },
                 .batch = 1024,
                 .fills = {{"labels", {.low = 0, .high = 999, .integers = true}}}});
  all.push_back(binary("mean_squared_error", image(), ops::mean_squared_error));
  const GraphShape weights{512, 512, 3, 3};
  all.push_back({.name = "gradient_norm",
                 .build =
                     [=](Graph& graph) {
                       const TensorId gradient[] = {graph.add_input("gradient", weights)};
                       return ops::gradient_norm(graph, "y", gradient);
                     },
                 .constant_inputs = {"gradient"}});
  all.push_back({.name = "average_update",
                 .build =
                     [=](Graph& graph) {
                       return graph.add_node(
                           "y", std::make_shared<AverageUpdate>(),
                           {graph.add_buffer("average", weights), graph.add_input("x", weights),
                            graph.add_input("weight", {})})[0];
                     },
                 .constant_inputs = {"x", "weight"}});
  all.push_back({.name = "adamw_update",
                 .build =
                     [=](Graph& graph) {
                       ops::adamw_update(graph, "y", graph.add_parameter("parameter", weights),
                                         graph.add_input("gradient", weights),
                                         {.exp_avg = graph.add_buffer("exp_avg", weights),
                                          .exp_avg_sq = graph.add_buffer("exp_avg_sq", weights)},
                                         graph.add_input("rate", {}), graph.add_input("count", {}),
                                         {});
                       return graph.tensor("y");
                     },
                 .fills = {{"count", {.low = 2, .high = 2, .integers = true}},
                           {"exp_avg_sq", {.low = 0.1, .high = 1}}},
                 .constant_inputs = {"parameter", "gradient", "rate", "count"}});
  all.push_back({.name = "fold_norm",
                 .build =
                     [=](Graph& graph) {
                       const GraphShape channels{weights[0]};
                       const TensorId weight = graph.add_parameter("weight", weights);
                       const TensorId mean = graph.add_buffer("mean", channels);
                       const TensorId var = graph.add_buffer("var", channels);
                       return graph.add_node("y", std::make_shared<FoldNorm>(1e-5),
                                             {weight, {}, {}, {}, mean, var})[0];
                     },
                 .fills = {{"var", {.low = 0.5, .high = 2}}},
                 .constant_inputs = {"weight"}});
  all.push_back({.name = "sgd_update",
                 .build =
                     [=](Graph& graph) {
                       ops::sgd_update(graph, "y", graph.add_parameter("parameter", weights),
                                       graph.add_input("gradient", weights),
                                       graph.add_buffer("velocity", weights),
                                       graph.add_input("rate", {}), {.momentum = 0.9});
                       return graph.tensor("y");
                     },
                 .constant_inputs = {"parameter", "gradient", "rate"}});
}

}  // namespace

std::vector<OperationTest> timed_tests() {
  std::vector<OperationTest> all;
  add_products(all);
  add_norms(all);
  add_elementwise(all);
  add_shapes(all);
  add_pools(all);
  add_rows(all);
  add_losses_and_update(all);
  return all;
}

}  // namespace equipoise::testing
