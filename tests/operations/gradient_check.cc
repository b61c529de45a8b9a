#include "operations/gradient_check.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "graph/interpreter.h"
#include "operations/engine_check.h"

namespace equipoise::testing {
namespace {

/// (loss(x + h) − loss(x − h)) / 2h; x is as before in the end.
double central_difference(double& x, const std::function<double()>& loss) {
  constexpr double kStep = 1e-4;
  const double before = x;
  x = before + kStep;
  const double above = loss();
  x = before - kStep;
  const double below = loss();
  x = before;
  return (above - below) / (2 * kStep);
}

}  // namespace

std::vector<CheckedGradient> check_gradients(const OperationTest& test) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  const TestGraph made = graph_of(test);
  const std::vector<std::string>& names = made.differentiable;
  if (names.empty()) return {};
  Graph graph = made.graph;
  graph.add_output(made.loss);
  Graph differentiated = graph;
  std::vector<TensorId> wrt;
  for (const std::string& name : names) wrt.push_back(differentiated.tensor(name));
  const std::vector<TensorId> gradients = differentiate(differentiated, made.loss, wrt);
  differentiated.verify();
  for (const TensorId gradient : gradients) {
    if (gradient) differentiated.add_output(gradient);
  }

  std::map<std::string, Array> values = fill_inputs(graph, test);
  const Interpretation options{.batch = test.batch, .random_key = 7};
  const auto result = interpret(differentiated, values, options);
  const std::string& loss_name = graph.tensor(made.loss).name;
  const auto loss = [&] { return interpret(graph, values, options).at(loss_name)[0]; };
  std::vector<CheckedGradient> checked;
  for (std::size_t k = 0; k < names.size(); ++k) {
    CheckedGradient& check = checked.emplace_back(CheckedGradient{.name = names[k]});
    if (!gradients[k]) {
      check.error = kInfinity;
      continue;
    }
    const Array& gradient = result.at(differentiated.tensor(gradients[k]).name);
    double largest = 1e-3;
    for (const double g : gradient.values) largest = std::max(largest, std::abs(g));
    Array& x = values.at(names[k]);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      double error = std::abs(gradient[i] - central_difference(x[i], loss)) / largest;
      if (std::isnan(error)) error = kInfinity;
      if (error > check.error) {
        check.error = error;
        check.element = i;
      }
    }
  }
  return checked;
}

}  // namespace equipoise::testing
