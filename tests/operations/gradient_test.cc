/// The gradient rule of every operation, in f64, against central differences.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "equipoise/operations.h"
#include "graph/interpreter.h"
#include "operations/descriptor.h"

namespace equipoise::testing {
namespace {

class OperationGradient : public ::testing::TestWithParam<OperationTest> {};

std::vector<std::string> differentiable_inputs(const Graph& graph, const OperationTest& test) {
  std::vector<std::string> names;
  for (const TensorInfo& info : graph.tensors()) {
    const bool given = info.role == TensorRole::kInput || info.role == TensorRole::kParameter;
    if (given && info.type.dtype == DType::kF32 &&
        std::ranges::find(test.constant_inputs, info.name) == test.constant_inputs.end()) {
      names.push_back(info.name);
    }
  }
  return names;
}

TEST_P(OperationGradient, IsThatOfFiniteDifferences) {
  const OperationTest& test = GetParam();
  Graph graph("test");
  const TensorId y = test.build(graph);
  const std::vector<std::string> names = differentiable_inputs(graph, test);
  if (names.empty()) GTEST_SKIP() << "nothing to differentiate by";

  // One number that depends on every element of y, each in its own way.
  TensorId loss = y;
  if (graph.tensor(y).type.shape.rank() > 0) {
    const TensorId target = graph.add_input("target of the test", graph.tensor(y).type.shape);
    loss = ops::mean_squared_error(graph, "loss of the test", y, target);
  }
  const std::string loss_name = graph.tensor(loss).name;
  graph.add_output(loss);
  Graph differentiated = graph;
  std::vector<TensorId> wrt;
  for (const std::string& name : names) wrt.push_back(differentiated.tensor(name));
  const std::vector<TensorId> gradients = differentiate(differentiated, loss, wrt);
  differentiated.verify();
  for (const TensorId gradient : gradients) {
    if (gradient) differentiated.add_output(gradient);
  }

  std::map<std::string, Array> values = fill_inputs(graph, test);
  const Interpretation options{.batch = test.batch, .random_key = 7};
  const auto result = interpret(differentiated, values, options);
  for (std::size_t k = 0; k < names.size(); ++k) {
    ASSERT_TRUE(gradients[k]) << "no gradient with respect to " << names[k];
    const Array& gradient = result.at(differentiated.tensor(gradients[k]).name);
    double largest = 1e-3;
    for (const double g : gradient.values) largest = std::max(largest, std::abs(g));
    Array& x = values.at(names[k]);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      constexpr double kStep = 1e-4;
      const double before = x[i];
      x[i] = before + kStep;
      const double above = interpret(graph, values, options).at(loss_name)[0];
      x[i] = before - kStep;
      const double below = interpret(graph, values, options).at(loss_name)[0];
      x[i] = before;
      ASSERT_NEAR(gradient[i], (above - below) / (2 * kStep), 1e-5 * largest)
          << "element " << i << " of " << names[k] << "\n"
          << differentiated.dump();
    }
  }
}

std::string test_name(const ::testing::TestParamInfo<OperationTest>& info) {
  std::string name;
  for (const char c : info.param.name) {
    if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
      name += c;
    } else if (!name.empty() && name.back() != '_') {
      name += '_';
    }
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(, OperationGradient, ::testing::ValuesIn(all_operation_tests()),
                         test_name);

}  // namespace
}  // namespace equipoise::testing
