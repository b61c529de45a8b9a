#include <cmath>

#include "norm/reference.h"

namespace equipoise::reference {
namespace {

/// Elements first, first + stride, … of the flattened tensor share statistics; the k-th has weight
/// and bias k.
struct Row {
  std::int64_t first = 0;
  std::int64_t length = 0;
  std::int64_t stride = 1;
  std::int64_t at(std::int64_t k) const { return first + k * stride; }
};

double mean_square_of(const Array& x, const Row& row) {
  double squares = 0;
  for (std::int64_t k = 0; k < row.length; ++k) squares += x[row.at(k)] * x[row.at(k)];
  return row.length > 0 ? squares / static_cast<double>(row.length) : 0;
}

void row_forward(const Arguments& in, const Row& row, Output& out) {
  const auto count = static_cast<double>(row.length);
  const double mean_square = mean_square_of(in.x, row);
  const double root = std::sqrt(mean_square + in.epsilon);
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const double normalized = in.x[i] / root;
    out.z[i] = in.weight_of(k) * normalized + in.bias_of(k) + in.residual_of(i);
    out.y[i] = activate(in, out.z[i]);
    out.z_scale[i] = std::abs(in.weight_of(k)) * (1 + std::abs(normalized)) +
                     std::abs(in.bias_of(k)) + std::abs(in.residual_of(i));
  }
  out.mean.push_back(0);
  out.rstd.push_back(1 / root);
  out.moments.push_back({.count = count, .mean = 0, .m2 = mean_square * count});
}

void row_backward(const Arguments& in, const Row& row, const Array& z, const Array& dy,
                  Gradients& out) {
  const double root = std::sqrt(mean_square_of(in.x, row) + in.epsilon);

  // x̂ = x/root: droot = Σ dx̂·(−x/root²).
  double droot = 0;
  double droot_scale = 0;
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const auto parameter = static_cast<std::size_t>(k);
    const double dz = dy[i] * activation_derivative(in, z[i]);
    const double size = std::abs(dy[i]);
    out.dresidual[i] = dz;
    out.dbias[parameter] += dz;
    out.dweight[parameter] += dz * in.x[i] / root;
    out.dbias_scale[parameter] += size;
    out.dweight_scale[parameter] += size * (1 + std::abs(in.x[i]) / root);
    droot -= in.weight_of(k) * dz * in.x[i] / (root * root);
    droot_scale += std::abs(in.weight_of(k) * size * in.x[i]) / (root * root);
  }
  // ∂root/∂x = x/(D·root).
  for (std::int64_t k = 0; k < row.length; ++k) {
    const std::int64_t i = row.at(k);
    const double droot_dx = in.x[i] / (static_cast<double>(row.length) * root);
    out.dx[i] = in.weight_of(k) * out.dresidual[i] / root + droot * droot_dx;
    out.dx_scale[i] = std::abs(in.weight_of(k) * dy[i]) / root + droot_scale * std::abs(droot_dx);
  }
}

Row channels_of(const Array& x, std::int64_t n, std::int64_t s) {
  return {.first = x.index(n, 0, s), .length = x.channels, .stride = x.positions};
}

}  // namespace

Output rms_norm(const Arguments& in, std::int64_t row) {
  Output out = empty_output(in.x);
  for (std::int64_t first = 0; first < in.x.size(); first += row) {
    row_forward(in, {.first = first, .length = row}, out);
  }
  return out;
}

Gradients rms_norm_backward(const Arguments& in, std::int64_t row, const Array& dy) {
  const Array z = rms_norm(in, row).z;
  Gradients out = zero_gradients(in.x, row);
  for (std::int64_t first = 0; first < in.x.size(); first += row) {
    row_backward(in, {.first = first, .length = row}, z, dy, out);
  }
  return out;
}

Output rms_norm_channels(const Arguments& in) {
  Output out = empty_output(in.x);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t s = 0; s < in.x.positions; ++s) row_forward(in, channels_of(in.x, n, s), out);
  }
  return out;
}

Gradients rms_norm_channels_backward(const Arguments& in, const Array& dy) {
  const Array z = rms_norm_channels(in).z;
  Gradients out = zero_gradients(in.x, in.x.channels);
  for (std::int64_t n = 0; n < in.x.samples; ++n) {
    for (std::int64_t s = 0; s < in.x.positions; ++s) {
      row_backward(in, channels_of(in.x, n, s), z, dy, out);
    }
  }
  return out;
}

}  // namespace equipoise::reference
