/// Whole networks, forward and backward, in f64: our graphs, as operations' textbooks run them,
/// against PyTorch (pytorch_networks.py has run before).

#include <algorithm>
#include <cmath>

#include <gtest/gtest.h>

#include "graph/interpreter.h"
#include "models/network_oracle.h"
#include "ops/normalization.h"
#include "ops/normalization_record.h"

namespace equipoise::testing {
namespace {

/// To `tolerance` of the largest element; gradients that cancel to 0 may be as large as `zero`.
void expect_close(const std::string& name, const Array& actual, const Array& expected,
                  double tolerance = 1e-9, double zero = 1e-13) {
  ASSERT_EQ(to_string(actual.shape), to_string(expected.shape)) << name;
  double largest = 0;
  for (const double value : expected.values) largest = std::max(largest, std::abs(value));
  for (std::int64_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], tolerance * largest + zero) << name << "[" << i << "]";
  }
}

/// What a training step commits, from the moments that each batch normalization leaves.
void expect_same_running_statistics(const Graph& graph, const std::map<std::string, Array>& result,
                                    OracleFile& oracle) {
  for (const Node& node : graph.nodes()) {
    const auto* operation = dynamic_cast<const Norm*>(node.operation.get());
    if (operation == nullptr || !operation->norm().update_running ||
        !node.inputs[Norm::kRunningMean]) {
      continue;
    }
    const auto name_of = [&](Norm::Input input) { return graph.tensor(node.inputs[input]).name; };
    const Array mean = oracle.read("state/" + name_of(Norm::kRunningMean));
    const Array var = oracle.read("state/" + name_of(Norm::kRunningVar));
    RunningStatistics running(mean.size(), operation->norm().rule);
    std::ranges::transform(mean.values, running.mutable_mean().begin(),
                           [](double x) { return static_cast<float>(x); });
    std::ranges::transform(var.values, running.mutable_var().begin(),
                           [](double x) { return static_cast<float>(x); });
    const Array& record = result.at(graph.tensor(node.outputs[Norm::kRecord]).name);
    running.stage(unpack_norm_notes(record).batch_moments());
    running.commit();
    const auto expect = [&](Norm::Input input, std::span<const float> actual) {
      const std::string name = name_of(input);
      Array array(mean.shape);
      std::ranges::copy(actual, array.values.begin());
      expect_close(name, array, oracle.read("training/state/" + name), 1e-6);
    };
    expect(Norm::kRunningMean, running.mean());
    expect(Norm::kRunningVar, running.var());
  }
}

}  // namespace

TEST_P(NetworkOracle, TrainingIsThatOfPyTorch) {
  OracleFile oracle = this->oracle();
  Graph graph = build_model(GetParam().model, GetParam().options);
  const TensorId loss = add_classification_loss(graph, 0.1);
  const std::vector<TensorId> parameters = graph.with_role(TensorRole::kParameter);
  const std::vector<TensorId> gradients = differentiate(graph, loss, parameters);
  graph.verify();

  const auto result =
      interpret(graph, given_values(graph, oracle), {.batch = GetParam().batch, .keep_all = true});
  expect_close("logits", result.at("logits"), oracle.read("training/logits"));
  expect_close("loss", result.at("loss"), oracle.read("training/loss"));
  ASSERT_EQ(parameters.size(), oracle.names("training/gradient/").size());
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    const std::string& name = graph.tensor(parameters[i]).name;
    ASSERT_TRUE(gradients[i]) << name;
    expect_close("gradient of " + name, result.at(graph.tensor(gradients[i]).name),
                 oracle.read("training/gradient/" + name));
  }
  expect_same_running_statistics(graph, result, oracle);
}

TEST_P(NetworkOracle, InferenceIsThatOfPyTorch) {
  OracleFile oracle = this->oracle();
  ModelOptions options = GetParam().options;
  options.norm.statistics = Statistics::kRunning;
  options.norm.update_running = false;
  Graph graph = build_model(GetParam().model, options);
  add_classification_loss(graph, 0.1);

  const auto result = interpret(graph, given_values(graph, oracle), {.batch = GetParam().batch});
  expect_close("logits", result.at("logits"), oracle.read("inference/logits"));
  expect_close("loss", result.at("loss"), oracle.read("inference/loss"));
}

}  // namespace equipoise::testing
