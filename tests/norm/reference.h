#pragma once

/// Normalizations as a textbook writes them: f64, plain loops over (N, C, S), every step named,
/// gradients by the chain rule through mean and variance. Slow and sure: what the kernels are
/// compared with.

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "equipoise/norm.h"
#include "norm/array.h"

namespace equipoise::reference {

/// What every normalization is given. Empty: no residual; weight 1; bias 0; every position
/// counts 1.
struct Arguments {
  Array x;
  Array residual;
  std::vector<double> weight;
  std::vector<double> bias;
  double epsilon = 1e-5;
  Activation activation = Activation::kNone;
  double negative_slope = 0.01;
  std::vector<double> position_weights;

  double weight_of(std::int64_t i) const { return weight.empty() ? 1 : weight[std::size_t(i)]; }
  double bias_of(std::int64_t i) const { return bias.empty() ? 0 : bias[std::size_t(i)]; }
  double residual_of(std::int64_t i) const { return residual.empty() ? 0 : residual[i]; }
  double position_weight(std::int64_t n, std::int64_t s) const {
    return position_weights.empty() ? 1 : position_weights[std::size_t(n * x.positions + s)];
  }
};

/// Whether a position takes no part: it counts nowhere and has no gradient, whatever x holds.
inline bool is_idle(const Arguments& in, std::int64_t n, std::int64_t s, double dy) {
  return in.position_weight(n, s) == 0 && dy == 0;
}

struct Output {
  Array z;  ///< before the activation
  Array y;
  std::vector<double> mean;  ///< what normalized each group
  std::vector<double> rstd;
  std::vector<Moments> moments;  ///< of the batch, per group
  /// |γ|·(1 + |x̂|) + |β| + |residual|: what the rounding of z is relative to.
  Array z_scale;
};

/// The scales are sums of the absolute values of the terms that add up to a gradient: what rounding
/// is relative to.
struct Gradients {
  Array dx;
  Array dresidual;
  std::vector<double> dweight;
  std::vector<double> dbias;
  Array dx_scale;
  std::vector<double> dweight_scale;
  std::vector<double> dbias_scale;
};

/// Room for the output of x.
Output empty_output(const Array& x);
/// All zero, for `parameters` weights.
Gradients zero_gradients(const Array& x, std::int64_t parameters);

double activate(const Arguments& arguments, double z);
/// dy/dz
double activation_derivative(const Arguments& arguments, double z);
/// Distance of z from the nearest point where the derivative jumps; infinite if there is none.
double distance_to_kink(Activation activation, double z);

struct BatchOptions {
  Statistics statistics = Statistics::kBatch;
  std::vector<double> running_mean;
  std::vector<double> running_var;
  double pseudo_count = 16;
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm;
  /// Per group, instead of what `renorm` computes: finite differences hold r and d where they were,
  /// because the paper's gradient takes them as constants.
  std::vector<double> held_r;
  std::vector<double> held_d;
};

/// Several ranks are one batch: the arrays of all of them, one behind the other.
Output batch_norm(const Arguments& arguments, const BatchOptions& options);
Gradients batch_norm_backward(const Arguments& arguments, const BatchOptions& options,
                              const Array& dy);
/// r and d of renorm per group.
struct RenormFactors {
  std::vector<double> r;
  std::vector<double> d;
};
RenormFactors renorm_factors(const Arguments& arguments, const BatchOptions& options);

Output instance_norm(const Arguments& arguments);
Gradients instance_norm_backward(const Arguments& arguments, const Array& dy);

Output group_norm(const Arguments& arguments, std::int64_t groups);
Gradients group_norm_backward(const Arguments& arguments, std::int64_t groups, const Array& dy);

/// Over the last `row` elements of the flattened tensor (the product of the trailing dimensions).
Output layer_norm(const Arguments& arguments, std::int64_t row);
Gradients layer_norm_backward(const Arguments& arguments, std::int64_t row, const Array& dy);
/// Over the channels of each (n, s).
Output layer_norm_channels(const Arguments& arguments);
Gradients layer_norm_channels_backward(const Arguments& arguments, const Array& dy);

Output rms_norm(const Arguments& arguments, std::int64_t row);
Gradients rms_norm_backward(const Arguments& arguments, std::int64_t row, const Array& dy);
Output rms_norm_channels(const Arguments& arguments);
Gradients rms_norm_channels_backward(const Arguments& arguments, const Array& dy);

/// Moments of blocks of `partition.samples` × `partition.channels`, numbered as Partition says.
std::vector<Moments> moments(const Array& x, Partition partition,
                             std::span<const double> position_weights);

}  // namespace equipoise::reference
