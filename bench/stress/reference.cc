#include "stress/reference.h"

#include <array>
#include <cmath>
#include <numeric>

namespace equipoise::bench {
namespace {

// Calls visit(offset) for every element of channel c.
template <class Visit>
void for_channel(const Problem& p, std::int64_t c, Visit&& visit) {
  for (std::int64_t n = 0; n < p.samples; ++n) {
    for (std::int64_t s = 0; s < p.positions; ++s) visit(p.offset(n, c, s));
  }
}

}  // namespace

Solution reference_batch_norm(const Problem& p) {
  Solution out{.variance = std::vector<double>(static_cast<std::size_t>(p.channels)),
               .y = std::vector<double>(p.x.size()),
               .dx = std::vector<double>(p.x.size())};
  const auto count = static_cast<double>(p.samples * p.positions);
  for (std::int64_t c = 0; c < p.channels; ++c) {
    const auto channel = static_cast<std::size_t>(c);
    double sum = 0;
    for_channel(p, c, [&](std::size_t i) { sum += static_cast<double>(p.x[i]); });
    const double mean = sum / count;
    double m2 = 0;
    for_channel(p, c, [&](std::size_t i) {
      const double centered = static_cast<double>(p.x[i]) - mean;
      m2 += centered * centered;
    });
    const double variance = m2 / count;
    const double rstd = 1 / std::sqrt(variance + p.epsilon);
    const auto gamma = static_cast<double>(p.weight[channel]);
    const auto beta = static_cast<double>(p.bias[channel]);
    out.variance[channel] = variance;

    double sum_dy = 0;
    double sum_dy_xhat = 0;
    for_channel(p, c, [&](std::size_t i) {
      const double xhat = (static_cast<double>(p.x[i]) - mean) * rstd;
      const auto dy = static_cast<double>(p.dy[i]);
      out.y[i] = gamma * xhat + beta;
      sum_dy += dy;
      sum_dy_xhat += dy * xhat;
    });
    for_channel(p, c, [&](std::size_t i) {
      const double xhat = (static_cast<double>(p.x[i]) - mean) * rstd;
      const auto dy = static_cast<double>(p.dy[i]);
      out.dx[i] = gamma * rstd * (dy - sum_dy / count - xhat * sum_dy_xhat / count);
    });
  }
  return out;
}

float naive_variance(const Problem& p, std::int64_t c) {
  // Sixteen sums of each, as a vectorized loop has them: what is lost is lost by the subtraction.
  std::array<float, 16> sums{};
  std::array<float, 16> sums_of_squares{};
  std::size_t lane = 0;
  for_channel(p, c, [&](std::size_t i) {
    sums[lane] += p.x[i];
    sums_of_squares[lane] += p.x[i] * p.x[i];
    lane = (lane + 1) % sums.size();
  });
  const auto count = static_cast<float>(p.samples * p.positions);
  const float mean = std::accumulate(sums.begin(), sums.end(), 0.0F) / count;
  return std::accumulate(sums_of_squares.begin(), sums_of_squares.end(), 0.0F) / count -
         mean * mean;
}

}  // namespace equipoise::bench
