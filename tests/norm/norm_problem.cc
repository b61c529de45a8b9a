#include <algorithm>
#include <cmath>
#include <random>

#include "norm/norm_case.h"

namespace equipoise::testing {
namespace {

using Random = std::mt19937_64;

double uniform(Random& random, double low, double high) {
  return std::uniform_real_distribution<double>(low, high)(random);
}

std::vector<float> uniform_floats(Random& random, std::int64_t count, double low, double high) {
  std::vector<float> values(static_cast<std::size_t>(count));
  for (float& value : values) value = static_cast<float>(uniform(random, low, high));
  return values;
}

std::vector<double> to_f64(const std::vector<float>& values) {
  return {values.begin(), values.end()};
}

Array normal_values(Random& random, const Shape& shape, double mean, double deviation) {
  Array array(shape.samples(), shape.channels(), shape.positions());
  std::normal_distribution<double> normal(mean, deviation);
  for (double& value : array.values) value = normal(random);
  return array;
}

/// Every channel with a mean and a deviation of its own.
Array input_values(Random& random, const Case& test) {
  Array x = normal_values(random, test.shape, 0, 1);
  for (std::int64_t c = 0; c < x.channels; ++c) {
    const bool large = test.values == Values::kLargeMean;
    const double mean = large ? 1000 * uniform(random, -1, 1) : uniform(random, -2, 2);
    const double deviation = large ? 0.1 : uniform(random, 0.3, 2);
    const bool constant = test.values == Values::kConstantChannels && c % 2 == 0;
    for (std::int64_t n = 0; n < x.samples; ++n) {
      for (std::int64_t s = 0; s < x.positions; ++s) {
        x(n, c, s) = constant ? mean : mean + deviation * x(n, c, s);
        if (test.values == Values::kOutliers && random() % 50 == 0) x(n, c, s) *= 1000;
      }
    }
  }
  return x;
}

/// Half of the batch's statistics have to be left: no ghost batch and no sample that is a group
/// loses all.
std::vector<float> position_weights(Random& random, const Case& test, Array& x) {
  if (test.weighting == Weighting::kNone || test.method.is_row_wise()) return {};
  std::vector<float> weights(static_cast<std::size_t>(x.samples * x.positions));
  const bool drop_a_sample = x.samples > 2 && test.method.ghost_batch_size == 0 &&
                             test.method.normalization == Normalization::kBatch;
  for (std::int64_t n = 0; n < x.samples; ++n) {
    for (std::int64_t s = 0; s < x.positions; ++s) {
      float& weight = weights[static_cast<std::size_t>(n * x.positions + s)];
      const bool keep = s == 0 || s + 1 == x.positions || random() % 3 != 0;
      weight = keep ? 1.0F : 0.0F;
      if (test.weighting == Weighting::kFractional) {
        weight *= static_cast<float>(uniform(random, 0.25, 2));
      }
      if (drop_a_sample && n == 1) weight = 0;
      if (weight != 0) continue;
      for (std::int64_t c = 0; c < x.channels; ++c) x(n, c, s) = 20 + 3 * x(n, c, s);
    }
  }
  return weights;
}

/// Within a few deviations of the data, as running averages are.
void set_running_statistics(Random& random, Problem& problem) {
  const Array& x = problem.arguments.x;
  for (std::int64_t c = 0; c < x.channels; ++c) {
    Array channel(1, 1, x.samples * x.positions);
    for (std::int64_t i = 0; i < channel.size(); ++i) {
      channel[i] = x(i / x.positions, c, i % x.positions);
    }
    const Moments all = channel.empty() ? Moments{} : reference::moments(channel, {}, {})[0];
    const double deviation = std::sqrt(all.variance());
    const double shift = deviation * uniform(random, -1.5, 1.5);
    problem.running_mean.push_back(static_cast<float>(all.mean + shift));
    problem.running_var.push_back(
        static_cast<float>((all.variance() + 0.01) * uniform(random, 0.3, 3)));
  }
}

}  // namespace

Problem make_problem(const Case& test) {
  Random random(test.seed);
  const std::int64_t parameters = parameter_count(test);

  Problem problem;
  reference::Arguments& in = problem.arguments;
  in.x = input_values(random, test);
  problem.position_weights = position_weights(random, test, in.x);
  in.x = rounded(in.x, test.dtype);
  in.position_weights = to_f64(problem.position_weights);
  if (test.residual) in.residual = rounded(normal_values(random, test.shape, 0.5, 2), test.dtype);
  if (test.weight) problem.weight = uniform_floats(random, parameters, -1.5, 2);
  if (test.bias) problem.bias = uniform_floats(random, parameters, -1, 2);
  in.weight = to_f64(problem.weight);
  in.bias = to_f64(problem.bias);
  in.epsilon = test.epsilon;
  in.activation = test.activation;
  in.negative_slope = 0.2F;

  if (test.method.needs_running()) set_running_statistics(random, problem);
  problem.batch = {.statistics = test.method.statistics,
                   .running_mean = to_f64(problem.running_mean),
                   .running_var = to_f64(problem.running_var),
                   .pseudo_count = 3.5,
                   .ghost_batch_size = test.method.ghost_batch_size,
                   .renorm = {},
                   .held_r = {},
                   .held_d = {}};
  // Tight enough that some channels are clipped and some are not.
  if (test.method.renorm) problem.batch.renorm = Renorm{.r_max = 1.5, .d_max = 0.8};

  problem.dy_first = normal_values(random, test.shape, 0.1, 1);
  problem.dy_second = normal_values(random, test.shape, -0.1, 1);
  const Array z = reference_forward(test, problem).z;
  problem.dy = Array::like(in.x);
  for (std::int64_t i = 0; i < problem.dy.size(); ++i) {
    const bool decided =
        reference::distance_to_kink(test.activation, z[i]) > 1e-3 * std::max(1.0, std::abs(z[i]));
    double& first = problem.dy_first[i];
    double& second = problem.dy_second[i];
    first = decided ? rounded(first, test.dtype) : 0;
    second = decided && test.dy_second ? rounded(second, test.dtype) : 0;
    problem.dy[i] = first + second;
  }
  return problem;
}

}  // namespace equipoise::testing
