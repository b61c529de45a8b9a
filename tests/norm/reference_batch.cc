#include <algorithm>
#include <cmath>
#include <tuple>

#include "norm/reference.h"

namespace equipoise::reference {
namespace {

/// What one channel of one ghost batch is normalized with: x̂ = r·(x − mean)/√(variance + ε) + d.
struct ChannelStatistics {
  double weight_sum = 0;  ///< of the positions
  double batch_mean = 0;
  double batch_variance = 0;
  double mean = 0;
  double variance = 0;
  double rstd = 0;
  double batch_share = 1;  ///< ∂mean/∂batch_mean and ∂variance/∂batch_variance
  double r = 1;
  double d = 0;
};

struct GhostBatches {
  std::int64_t count = 1;
  std::int64_t size = 0;
};

GhostBatches ghost_batches(const Arguments& in, const BatchOptions& options) {
  const std::int64_t samples = in.x.samples;  // N
  if (options.ghost_batch_size == 0) return {1, samples};
  const std::int64_t size = std::min(options.ghost_batch_size, std::max<std::int64_t>(samples, 1));
  return {(samples + size - 1) / size, size};
}

/// Statistics of channel c over samples [first, last) and all positions.
ChannelStatistics statistics_of(const Arguments& in, const BatchOptions& options,
                                std::int64_t first, std::int64_t last, std::int64_t c,
                                std::int64_t group) {
  const std::int64_t positions = in.x.positions;  // S
  ChannelStatistics result;

  // Mean: Σ p·x / Σ p, around the first value, so that the mean of a constant channel is that
  // constant.
  double origin = 0;
  double sum = 0;
  double samples_that_count = 0;
  for (std::int64_t n = first; n < last; ++n) {
    bool sample_counts = false;
    for (std::int64_t s = 0; s < positions; ++s) {
      const double p = in.position_weight(n, s);
      if (p == 0) continue;  // whatever it holds
      if (result.weight_sum == 0) origin = in.x(n, c, s);
      result.weight_sum += p;
      sum += p * (in.x(n, c, s) - origin);
      sample_counts = true;
    }
    if (sample_counts) samples_that_count += 1;
  }
  const bool any = result.weight_sum > 0;
  result.batch_mean = any ? origin + sum / result.weight_sum : 0;

  // Variance: Σ p·(x − mean)² / Σ p.
  double squares = 0;
  for (std::int64_t n = first; n < last; ++n) {
    for (std::int64_t s = 0; s < positions; ++s) {
      const double p = in.position_weight(n, s);
      if (p == 0) continue;
      const double deviation = in.x(n, c, s) - result.batch_mean;
      squares += p * deviation * deviation;
    }
  }
  result.batch_variance = any ? squares / result.weight_sum : 0;

  // Which statistics normalize.
  const auto channel = static_cast<std::size_t>(c);
  switch (options.statistics) {
    case Statistics::kBatch:
      result.mean = result.batch_mean;
      result.variance = result.batch_variance;
      break;
    case Statistics::kRunning:
      result.mean = options.running_mean[channel];
      result.variance = options.running_var[channel];
      result.batch_share = 0;
      break;
    case Statistics::kBlend: {
      const double pseudo = options.pseudo_count;
      const double total = pseudo + samples_that_count;
      result.mean =
          (pseudo * options.running_mean[channel] + samples_that_count * result.batch_mean) / total;
      result.variance =
          (pseudo * options.running_var[channel] + samples_that_count * result.batch_variance) /
          total;
      result.batch_share = samples_that_count / total;
      break;
    }
  }
  result.rstd = 1 / std::sqrt(result.variance + in.epsilon);

  // Batch renormalization.
  if (!options.held_r.empty()) {
    result.r = options.held_r[static_cast<std::size_t>(group)];
    result.d = options.held_d[static_cast<std::size_t>(group)];
  } else if (options.renorm) {
    const double running_deviation = std::sqrt(options.running_var[channel] + in.epsilon);
    const double batch_deviation = std::sqrt(result.batch_variance + in.epsilon);
    const double r_max = options.renorm->r_max;
    const double d_max = options.renorm->d_max;
    result.r = std::clamp(batch_deviation / running_deviation, 1 / r_max, r_max);
    result.d = std::clamp((result.batch_mean - options.running_mean[channel]) / running_deviation,
                          -d_max, d_max);
  }
  return result;
}

/// Gradient of channel c over samples [first, last).
void channel_backward(const Arguments& in, const ChannelStatistics& channel, std::int64_t first,
                      std::int64_t last, std::int64_t c, const Array& z, const Array& dy,
                      Gradients& out) {
  const std::int64_t positions = in.x.positions;  // S
  const double gamma = in.weight_of(c);
  const auto parameter = static_cast<std::size_t>(c);

  // Through the activation, the residual, γ and β; then x̂ = r·u + d with u = (x − mean)·rstd.
  double du_times_u = 0;  // Σ du·u, for the variance
  double du_sum = 0;      // Σ du, for the mean
  double du_times_u_scale = 0;
  double du_scale = 0;
  for (std::int64_t n = first; n < last; ++n) {
    for (std::int64_t s = 0; s < positions; ++s) {
      if (is_idle(in, n, s, dy(n, c, s))) continue;
      const double dz = dy(n, c, s) * activation_derivative(in, z(n, c, s));
      const double u = (in.x(n, c, s) - channel.mean) * channel.rstd;
      const double normalized = channel.r * u + channel.d;
      const double du = gamma * dz * channel.r;
      const double size = std::abs(dy(n, c, s));
      out.dresidual(n, c, s) = dz;
      out.dbias[parameter] += dz;
      out.dweight[parameter] += dz * normalized;
      out.dbias_scale[parameter] += size;
      out.dweight_scale[parameter] += size * (1 + std::abs(normalized));
      du_times_u += du * u;
      du_sum += du;
      du_times_u_scale += std::abs(gamma * channel.r) * size * std::abs(u);
      du_scale += std::abs(gamma * channel.r) * size;
    }
  }

  // u depends on the variance through rstd: ∂u/∂variance = −u/(2·(variance + ε)), on the mean by
  // −rstd.
  const double dvariance = -0.5 * channel.rstd * channel.rstd * du_times_u;
  const double dmean = -channel.rstd * du_sum;
  const double dbatch_variance = channel.batch_share * dvariance;
  const double dbatch_mean = channel.batch_share * dmean;

  for (std::int64_t n = first; n < last; ++n) {
    for (std::int64_t s = 0; s < positions; ++s) {
      if (is_idle(in, n, s, dy(n, c, s))) continue;
      const double du = gamma * out.dresidual(n, c, s) * channel.r;
      double dx = du * channel.rstd;
      double scale = std::abs(gamma * channel.r * dy(n, c, s)) * channel.rstd;
      const double p = in.position_weight(n, s);
      if (p != 0 && channel.batch_share != 0) {
        // batch_mean = Σ p·x/W and batch_variance = Σ p·(x − batch_mean)²/W.
        const double share = p / channel.weight_sum;
        const double deviation = in.x(n, c, s) - channel.batch_mean;
        dx += dbatch_mean * share + dbatch_variance * share * 2 * deviation;
        scale += channel.batch_share * share * channel.rstd *
                 (du_scale + std::abs(deviation) * channel.rstd * du_times_u_scale);
      }
      out.dx(n, c, s) = dx;
      out.dx_scale(n, c, s) = scale;
    }
  }
}

}  // namespace

Output batch_norm(const Arguments& in, const BatchOptions& options) {
  const auto [samples, channels, positions] =
      std::tuple(in.x.samples, in.x.channels, in.x.positions);
  const auto [batches, batch_size] = ghost_batches(in, options);
  Output out = empty_output(in.x);

  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const std::int64_t first = batch * batch_size;
    const std::int64_t last = std::min(first + batch_size, samples);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto channel = statistics_of(in, options, first, last, c, batch * channels + c);
      for (std::int64_t n = first; n < last; ++n) {
        for (std::int64_t s = 0; s < positions; ++s) {
          const double normalized =
              channel.r * (in.x(n, c, s) - channel.mean) * channel.rstd + channel.d;
          const double z =
              in.weight_of(c) * normalized + in.bias_of(c) + in.residual_of(in.x.index(n, c, s));
          out.z(n, c, s) = z;
          out.y(n, c, s) = activate(in, z);
          out.z_scale(n, c, s) = std::abs(in.weight_of(c)) * (1 + std::abs(normalized)) +
                                 std::abs(in.bias_of(c)) +
                                 std::abs(in.residual_of(in.x.index(n, c, s)));
        }
      }
      out.mean.push_back(channel.mean);
      out.rstd.push_back(channel.rstd);
      out.moments.push_back({.count = channel.weight_sum,
                             .mean = channel.batch_mean,
                             .m2 = channel.batch_variance * channel.weight_sum});
    }
  }
  return out;
}

Gradients batch_norm_backward(const Arguments& in, const BatchOptions& options, const Array& dy) {
  const std::int64_t channels = in.x.channels;
  const auto [batches, batch_size] = ghost_batches(in, options);
  const Array z = batch_norm(in, options).z;
  Gradients out = zero_gradients(in.x, channels);

  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const std::int64_t first = batch * batch_size;
    const std::int64_t last = std::min(first + batch_size, in.x.samples);
    for (std::int64_t c = 0; c < channels; ++c) {
      const auto channel = statistics_of(in, options, first, last, c, batch * channels + c);
      channel_backward(in, channel, first, last, c, z, dy, out);
    }
  }
  return out;
}

RenormFactors renorm_factors(const Arguments& in, const BatchOptions& options) {
  const auto [batches, batch_size] = ghost_batches(in, options);
  RenormFactors factors;
  for (std::int64_t batch = 0; batch < batches; ++batch) {
    const std::int64_t first = batch * batch_size;
    const std::int64_t last = std::min(first + batch_size, in.x.samples);
    for (std::int64_t c = 0; c < in.x.channels; ++c) {
      const auto channel = statistics_of(in, options, first, last, c, batch * in.x.channels + c);
      factors.r.push_back(channel.r);
      factors.d.push_back(channel.d);
    }
  }
  return factors;
}

}  // namespace equipoise::reference
