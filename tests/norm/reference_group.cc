#include <cmath>

#include "norm/reference.h"

namespace equipoise::reference {
namespace {

/// Channels [first, last) of sample n, all positions, share statistics.
struct Group {
  std::int64_t n = 0;
  std::int64_t first = 0;
  std::int64_t last = 0;
  double weight_sum = 0;
  double mean = 0;
  double variance = 0;
  double rstd = 0;
};

Group group_of(const Arguments& in, std::int64_t n, std::int64_t first, std::int64_t last) {
  const std::int64_t positions = in.x.positions;  // S
  Group group{.n = n, .first = first, .last = last};
  // Around the first value, so that the mean of a constant group is that constant.
  double origin = 0;
  double sum = 0;
  for (std::int64_t c = first; c < last; ++c) {
    for (std::int64_t s = 0; s < positions; ++s) {
      const double p = in.position_weight(n, s);
      if (p == 0) continue;  // whatever it holds
      if (group.weight_sum == 0) origin = in.x(n, c, s);
      group.weight_sum += p;
      sum += p * (in.x(n, c, s) - origin);
    }
  }
  if (group.weight_sum > 0) group.mean = origin + sum / group.weight_sum;

  double squares = 0;
  for (std::int64_t c = first; c < last; ++c) {
    for (std::int64_t s = 0; s < positions; ++s) {
      const double p = in.position_weight(n, s);
      if (p == 0) continue;
      squares += p * (in.x(n, c, s) - group.mean) * (in.x(n, c, s) - group.mean);
    }
  }
  if (group.weight_sum > 0) group.variance = squares / group.weight_sum;
  group.rstd = 1 / std::sqrt(group.variance + in.epsilon);
  return group;
}

void group_forward(const Arguments& in, const Group& group, Output& out) {
  const std::int64_t n = group.n;
  for (std::int64_t c = group.first; c < group.last; ++c) {
    for (std::int64_t s = 0; s < in.x.positions; ++s) {
      const double normalized = (in.x(n, c, s) - group.mean) * group.rstd;
      const double z =
          in.weight_of(c) * normalized + in.bias_of(c) + in.residual_of(in.x.index(n, c, s));
      out.z(n, c, s) = z;
      out.y(n, c, s) = activate(in, z);
      out.z_scale(n, c, s) = std::abs(in.weight_of(c)) * (1 + std::abs(normalized)) +
                             std::abs(in.bias_of(c)) +
                             std::abs(in.residual_of(in.x.index(n, c, s)));
    }
  }
  out.mean.push_back(group.mean);
  out.rstd.push_back(group.rstd);
  out.moments.push_back(
      {.count = group.weight_sum, .mean = group.mean, .m2 = group.variance * group.weight_sum});
}

void group_backward(const Arguments& in, const Group& group, const Array& z, const Array& dy,
                    Gradients& out) {
  const std::int64_t n = group.n;

  // Through the activation, the residual, γ and β.
  double dvariance = 0;
  double dmean = 0;
  double dvariance_scale = 0;
  double dmean_scale = 0;
  for (std::int64_t c = group.first; c < group.last; ++c) {
    const auto parameter = static_cast<std::size_t>(c);
    for (std::int64_t s = 0; s < in.x.positions; ++s) {
      if (is_idle(in, n, s, dy(n, c, s))) continue;
      const double dz = dy(n, c, s) * activation_derivative(in, z(n, c, s));
      const double deviation = in.x(n, c, s) - group.mean;
      const double normalized = deviation * group.rstd;
      const double dnormalized = in.weight_of(c) * dz;
      const double size = std::abs(dy(n, c, s));
      out.dresidual(n, c, s) = dz;
      out.dbias[parameter] += dz;
      out.dweight[parameter] += dz * normalized;
      out.dbias_scale[parameter] += size;
      out.dweight_scale[parameter] += size * (1 + std::abs(normalized));
      // ∂x̂/∂variance = (x − mean)·(−1/2)·(variance + ε)^(−3/2); ∂x̂/∂mean = −rstd.
      dvariance += dnormalized * deviation * -0.5 * std::pow(group.rstd, 3);
      dmean += dnormalized * -group.rstd;
      dvariance_scale += std::abs(in.weight_of(c) * size * deviation) * std::pow(group.rstd, 3);
      dmean_scale += std::abs(in.weight_of(c) * size) * group.rstd;
    }
  }

  // x̂ depends on x directly, through the mean and through the variance.
  for (std::int64_t c = group.first; c < group.last; ++c) {
    for (std::int64_t s = 0; s < in.x.positions; ++s) {
      if (is_idle(in, n, s, dy(n, c, s))) continue;
      const double deviation = in.x(n, c, s) - group.mean;
      double dx = in.weight_of(c) * out.dresidual(n, c, s) * group.rstd;
      double scale = std::abs(in.weight_of(c) * dy(n, c, s)) * group.rstd;
      const double p = in.position_weight(n, s);
      if (p != 0) {
        dx += dmean * p / group.weight_sum;
        dx += dvariance * 2 * p * deviation / group.weight_sum;
        scale += (dmean_scale + dvariance_scale * std::abs(deviation)) * p / group.weight_sum;
      }
      out.dx(n, c, s) = dx;
      out.dx_scale(n, c, s) = scale;
    }
  }
}

}  // namespace

Output group_norm(const Arguments& in, std::int64_t groups) {
  const std::int64_t size = in.x.channels / groups;
  Output out = empty_output(in.x);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t g = 0; g < groups; ++g) {
      group_forward(in, group_of(in, n, g * size, (g + 1) * size), out);
    }
  }
  return out;
}

Gradients group_norm_backward(const Arguments& in, std::int64_t groups, const Array& dy) {
  const std::int64_t size = in.x.channels / groups;
  const Array z = group_norm(in, groups).z;
  Gradients out = zero_gradients(in.x, in.x.channels);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t g = 0; g < groups; ++g) {
      group_backward(in, group_of(in, n, g * size, (g + 1) * size), z, dy, out);
    }
  }
  return out;
}

Output instance_norm(const Arguments& in) {
  Output out = empty_output(in.x);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t c = 0; c < in.x.channels; ++c) {
      group_forward(in, group_of(in, n, c, c + 1), out);
    }
  }
  return out;
}

Gradients instance_norm_backward(const Arguments& in, const Array& dy) {
  const Array z = instance_norm(in).z;
  Gradients out = zero_gradients(in.x, in.x.channels);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t c = 0; c < in.x.channels; ++c) {
      group_backward(in, group_of(in, n, c, c + 1), z, dy, out);
    }
  }
  return out;
}

}  // namespace equipoise::reference
