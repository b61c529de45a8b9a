/// The gradient rule of every operation, in f64, against central differences.

#include <algorithm>
#include <cmath>

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "graph/interpreter.h"
#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

class OperationGradient : public ::testing::TestWithParam<OperationTest> {};

TEST_P(OperationGradient, IsThatOfFiniteDifferences) {
  const OperationTest& test = GetParam();
  const TestGraph made = graph_of(test);
  Graph graph = made.graph;
  const std::vector<std::string>& names = made.differentiable;
  if (names.empty()) GTEST_SKIP() << "nothing to differentiate by";
  const TensorId loss = made.loss;
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
  return identifier(info.param.name);
}

INSTANTIATE_TEST_SUITE_P(, OperationGradient, ::testing::ValuesIn(all_operation_tests()),
                         test_name);

}  // namespace
}  // namespace equipoise::testing
