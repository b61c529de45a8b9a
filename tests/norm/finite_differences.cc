#include "norm/finite_differences.h"

#include "norm/methods.h"

namespace equipoise::testing {
namespace {

// Truncation ~h², rounding ~1e-16·loss/h: both about 1e-10 here.
constexpr double kStep = 1e-5;

double loss(const Case& test, const Problem& problem) {
  const Array y = reference_forward(test, problem).y;
  double sum = 0;
  for (std::int64_t i = 0; i < y.size(); ++i) sum += problem.dy[i] * y[i];
  return sum;
}

std::vector<double> differences(const Case& test, const Problem& problem,
                                std::vector<double>& parameter) {
  std::vector<double> gradient;
  for (double& value : parameter) {
    const double origin = value;
    value = origin + kStep;
    const double above = loss(test, problem);
    value = origin - kStep;
    const double below = loss(test, problem);
    value = origin;
    gradient.push_back((above - below) / (2 * kStep));
  }
  return gradient;
}

}  // namespace

Differences finite_differences(const Case& test, const Problem& original) {
  Problem problem = original;
  reference::Arguments& in = problem.arguments;
  if (problem.batch.renorm) {
    const auto factors = reference::renorm_factors(in, problem.batch);
    problem.batch.held_r = factors.r;
    problem.batch.held_d = factors.d;
  }
  const auto parameters = static_cast<std::size_t>(parameter_count(test));
  if (in.weight.empty()) in.weight.assign(parameters, 1);
  if (in.bias.empty()) in.bias.assign(parameters, 0);

  Differences result{.dx = Array::like(in.x), .dresidual = {}, .dweight = {}, .dbias = {}};
  result.dx.values = differences(test, problem, in.x.values);
  if (!in.residual.empty()) {
    result.dresidual = Array::like(in.x);
    result.dresidual.values = differences(test, problem, in.residual.values);
  }
  result.dweight = differences(test, problem, in.weight);
  result.dbias = differences(test, problem, in.bias);
  return result;
}

std::vector<Case> gradient_cases() {
  std::vector<Case> cases;
  std::uint64_t seed = 1;
  for (const Method& method : all_methods()) {
    for (const Activation activation : kActivations) {
      for (const Weighting weighting : kWeightings) {
        if (method.is_row_wise() && weighting != Weighting::kNone) continue;
        cases.push_back({.method = method,
                         .shape = {4, 4, 2, 3},
                         .activation = activation,
                         .residual = true,
                         .weighting = weighting,
                         .seed = seed++});
      }
    }
  }
  return cases;
}

}  // namespace equipoise::testing
