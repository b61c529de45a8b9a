#include "norm/reference.h"

#include <algorithm>

namespace equipoise::reference {

Output empty_output(const Array& x) {
  return {.z = Array::like(x),
          .y = Array::like(x),
          .mean = {},
          .rstd = {},
          .moments = {},
          .z_scale = Array::like(x)};
}

Gradients zero_gradients(const Array& x, std::int64_t parameters) {
  const std::vector<double> zeros(static_cast<std::size_t>(parameters));
  return {.dx = Array::like(x),
          .dresidual = Array::like(x),
          .dweight = zeros,
          .dbias = zeros,
          .dx_scale = Array::like(x),
          .dweight_scale = zeros,
          .dbias_scale = zeros};
}

std::vector<Moments> moments(const Array& x, Partition partition,
                             std::span<const double> position_weights) {
  const auto weight = [&](std::int64_t n, std::int64_t s) {
    return position_weights.empty()
               ? 1.0
               : position_weights[static_cast<std::size_t>(n * x.positions + s)];
  };
  std::vector<Moments> out;
  for (std::int64_t n0 = 0; n0 < x.samples; n0 += partition.samples) {
    const std::int64_t n1 = std::min(n0 + partition.samples, x.samples);
    for (std::int64_t c0 = 0; c0 < x.channels; c0 += partition.channels) {
      const std::int64_t c1 = c0 + partition.channels;

      // The values of the group that count, and their weights.
      std::vector<double> values;
      std::vector<double> weights;
      for (std::int64_t n = n0; n < n1; ++n) {
        for (std::int64_t c = c0; c < c1; ++c) {
          for (std::int64_t s = 0; s < x.positions; ++s) {
            if (weight(n, s) == 0) continue;
            values.push_back(x(n, c, s));
            weights.push_back(weight(n, s));
          }
        }
      }

      Moments group;
      double sum = 0;
      for (std::size_t i = 0; i < values.size(); ++i) {
        group.count += weights[i];
        sum += weights[i] * (values[i] - values[0]);
      }
      if (!values.empty()) group.mean = values[0] + sum / group.count;
      for (std::size_t i = 0; i < values.size(); ++i) {
        group.m2 += weights[i] * (values[i] - group.mean) * (values[i] - group.mean);
      }
      out.push_back(group);
    }
  }
  return out;
}

}  // namespace equipoise::reference
