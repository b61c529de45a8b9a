#pragma once

#include <cstdint>
#include <vector>

namespace equipoise::bench {

/// A batch norm's inputs as a textbook has them: x and dy are (N, C, S), S positions.
struct Problem {
  std::int64_t samples = 0;
  std::int64_t channels = 0;
  std::int64_t positions = 0;
  std::vector<float> x;
  std::vector<float> dy;
  std::vector<float> weight;
  std::vector<float> bias;
  double epsilon = 1e-5;

  std::size_t offset(std::int64_t n, std::int64_t c, std::int64_t s) const {
    return static_cast<std::size_t>((n * channels + c) * positions + s);
  }
};

/// What comes out, variance per channel (biased), y and dx (N, C, S).
struct Solution {
  std::vector<double> variance;
  std::vector<double> y;
  std::vector<double> dx;
};

/// Everything in f64, two passes for the variance: what the f32 inputs truly give.
Solution reference_batch_norm(const Problem& problem);

/// The variance of channel c as E[x²] − E[x]² in one pass with f32 sums: what not to do.
float naive_variance(const Problem& problem, std::int64_t c);

}  // namespace equipoise::bench
