#include <cmath>
#include <vector>

#include "norm/reference.h"

namespace equipoise::reference {
namespace {

/// Elements first, first + stride, … of the flattened tensor share statistics; the k-th has weight
/// and bias k. The mean is that of the row, or taken as 0 (RMS normalization).
struct Row {
  bool centered = true;
  std::int64_t first = 0;
  std::int64_t length = 0;
  std::int64_t stride = 1;
  std::int64_t at(std::int64_t k) const { return first + k * stride; }
};

/// Around the first value, so that the mean of a constant row is that constant.
double mean_of(const Array& x, const Row& row) {
  if (row.length == 0 || !row.centered) return 0;
  const double origin = x[row.first];
  double sum = 0;
  for (std::int64_t k = 0; k < row.length; ++k) sum += x[row.at(k)] - origin;
  return origin + sum / static_cast<double>(row.length);
}

double variance_of(const Array& x, const Row& row, double mean) {
  double squares = 0;
  for (std::int64_t k = 0; k < row.length; ++k) {
    squares += (x[row.at(k)] - mean) * (x[row.at(k)] - mean);
  }
  return row.length > 0 ? squares / static_cast<double>(row.length) : 0;
}

void row_forward(const Arguments& in, const Row& row, Output& out) {
  const auto count = static_cast<double>(row.length);
  const double mean = mean_of(in.x, row);
  const double variance = variance_of(in.x, row, mean);
  const double rstd = 1 / std::sqrt(variance + in.epsilon);
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const double normalized = (in.x[i] - mean) * rstd;
    out.z[i] = in.weight_of(k) * normalized + in.bias_of(k) + in.residual_of(i);
    out.y[i] = activate(in, out.z[i]);
    out.z_scale[i] = std::abs(in.weight_of(k)) * (1 + std::abs(normalized)) +
                     std::abs(in.bias_of(k)) + std::abs(in.residual_of(i));
  }
  out.mean.push_back(mean);
  out.rstd.push_back(rstd);
  out.moments.push_back({.count = count, .mean = mean, .m2 = variance * count});
}

/// As llm.c: dx = rstd·(dnorm − mean(dnorm) − x̂·mean(dnorm·x̂)) with dnorm = dz·weight; mean(dnorm)
/// is what comes through the mean of x.
void row_backward(const Arguments& in, const Row& row, const Array& z, const Array& dy,
                  Gradients& out) {
  const auto count = static_cast<double>(row.length);
  const double mean = mean_of(in.x, row);
  const double rstd = 1 / std::sqrt(variance_of(in.x, row, mean) + in.epsilon);

  double dnorm_mean = 0;
  double dnorm_norm_mean = 0;
  double dnorm_scale = 0;
  double dnorm_norm_scale = 0;
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const auto parameter = static_cast<std::size_t>(k);
    const double dz = dy[i] * activation_derivative(in, z[i]);
    const double normalized = (in.x[i] - mean) * rstd;
    const double dnorm = dz * in.weight_of(k);
    const double size = std::abs(dy[i]);
    out.dresidual[i] = dz;
    out.dbias[parameter] += dz;
    out.dweight[parameter] += dz * normalized;
    out.dbias_scale[parameter] += size;
    out.dweight_scale[parameter] += size * (1 + std::abs(normalized));
    if (row.centered) {
      dnorm_mean += dnorm / count;
      dnorm_scale += std::abs(in.weight_of(k)) * size / count;
    }
    dnorm_norm_mean += dnorm * normalized / count;
    dnorm_norm_scale += std::abs(in.weight_of(k) * size * normalized) / count;
  }
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const double normalized = (in.x[i] - mean) * rstd;
    const double dnorm = out.dresidual[i] * in.weight_of(k);
    out.dx[i] = rstd * (dnorm - dnorm_mean - normalized * dnorm_norm_mean);
    out.dx_scale[i] = rstd * (std::abs(in.weight_of(k) * dy[i]) + dnorm_scale +
                              std::abs(normalized) * dnorm_norm_scale);
  }
}

using Rows = std::vector<Row>;

Rows trailing_rows(const Array& x, std::int64_t length, bool centered) {
  Rows rows;
  for (std::int64_t first = 0; first < x.size(); first += length)
    rows.push_back({.centered = centered, .first = first, .length = length});
  return rows;
}

/// The channels of each (n, s).
Rows channel_rows(const Array& x, bool centered) {
  Rows rows;
  for (std::int64_t n = 0; n < x.samples; ++n) {
    for (std::int64_t s = 0; s < x.positions; ++s) {
      rows.push_back({.centered = centered,
                      .first = x.index(n, 0, s),
                      .length = x.channels,
                      .stride = x.positions});
    }
  }
  return rows;
}

Output forward(const Arguments& in, const Rows& rows) {
  Output out = empty_output(in.x);
  for (const Row& row : rows) row_forward(in, row, out);
  return out;
}

Gradients backward(const Arguments& in, const Rows& rows, std::int64_t parameters,
                   const Array& dy) {
  const Array z = forward(in, rows).z;
  Gradients out = zero_gradients(in.x, parameters);
  for (const Row& row : rows) row_backward(in, row, z, dy, out);
  return out;
}

}  // namespace

Output layer_norm(const Arguments& in, std::int64_t row) {
  return forward(in, trailing_rows(in.x, row, true));
}

Gradients layer_norm_backward(const Arguments& in, std::int64_t row, const Array& dy) {
  return backward(in, trailing_rows(in.x, row, true), row, dy);
}

Output layer_norm_channels(const Arguments& in) { return forward(in, channel_rows(in.x, true)); }

Gradients layer_norm_channels_backward(const Arguments& in, const Array& dy) {
  return backward(in, channel_rows(in.x, true), in.x.channels, dy);
}

Output rms_norm(const Arguments& in, std::int64_t row) {
  return forward(in, trailing_rows(in.x, row, false));
}

Gradients rms_norm_backward(const Arguments& in, std::int64_t row, const Array& dy) {
  return backward(in, trailing_rows(in.x, row, false), row, dy);
}

Output rms_norm_channels(const Arguments& in) { return forward(in, channel_rows(in.x, false)); }

Gradients rms_norm_channels_backward(const Arguments& in, const Array& dy) {
  return backward(in, channel_rows(in.x, false), in.x.channels, dy);
}

}  // namespace equipoise::reference
