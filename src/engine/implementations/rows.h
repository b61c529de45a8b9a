#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include "engine/implementations/lanes.h"

namespace equipoise::engine {

/// Σ term(i) over i < count in f64, as eight sums side by side that do not wait for each other. The
/// order depends on the count alone.
template <class Term>
double sum_of(std::int64_t count, const Term& term) {
  double sums[8] = {};
  std::int64_t i = 0;
  for (; i + 8 <= count; i += 8) {
    for (int k = 0; k < 8; ++k) sums[k] += static_cast<double>(term(i + k));
  }
  for (; i < count; ++i) sums[i % 8] += static_cast<double>(term(i));
  return ((sums[0] + sums[4]) + (sums[2] + sums[6])) + ((sums[1] + sums[5]) + (sums[3] + sums[7]));
}

/// e^x for x ≤ 0, within 1e-7 of it; 0 below −87, where it leaves the range of normal f32. Of one
/// number or of four.
///
/// With n = round(x/ln 2) and |r| ≤ ln 2/2: e^x = 2ⁿ·e^r, the latter by the polynomial of Cephes'
/// expf.
template <int kCount = 1>
typename Lanes<kCount>::Values exponential(const typename Lanes<kCount>::Values& x) {
  using Values = typename Lanes<kCount>::Values;
  using Words = typename Lanes<kCount>::Words;
  const Values smallest = Values{} - 87.0F;
  // Adding it leaves an integer in the low bits of the significand.
  constexpr float kRounder = 12582912.0F;  // 1.5·2²³
  const Values in_range = x < smallest ? smallest : x;
  const Values shifted = in_range * 1.44269504F + kRounder;
  const Values n = shifted - kRounder;
  // ln 2 in two parts, of which n times the first is exact.
  const Values r = (in_range - n * 0.693359375F) + n * 2.12194440e-4F;
  Values p = Values{} + 1.9875691500e-4F;
  p = p * r + 1.3981999507e-3F;
  p = p * r + 8.3334519073e-3F;
  p = p * r + 4.1665795894e-2F;
  p = p * r + 1.6666665459e-1F;
  p = p * r + 5.0000001201e-1F;
  const Values e_r = p * (r * r) + r + 1.0F;
  const Words exponent =
      std::bit_cast<Words>(shifted) - std::bit_cast<std::uint32_t>(kRounder) + 127U;
  const Values e_x = e_r * std::bit_cast<Values>(exponent << 23U);
  return x < smallest ? Values{} : e_x;
}

/// The largest of a row, but for NaN.
inline float largest_of(const float* row, std::int64_t length) {
  float largest[8];
  std::fill_n(largest, 8, row[0]);
  std::int64_t i = 0;
  for (; i + 8 <= length; i += 8) {
    for (int k = 0; k < 8; ++k) largest[k] = row[i + k] > largest[k] ? row[i + k] : largest[k];
  }
  for (; i < length; ++i) largest[0] = row[i] > largest[0] ? row[i] : largest[0];
  return *std::max_element(largest, largest + 8);
}

/// y = e^(x − largest), which may be x itself.
inline void exponentials(const float* x, float largest, float* y, std::int64_t length) {
  std::int64_t i = 0;
  for (; i + 4 <= length; i += 4) {
    using Four = Lanes<4>::Values;
    const Four four = exponential<4>(load<Four>(x + i) - largest);
    std::memcpy(y + i, &four, sizeof(four));
  }
  for (; i < length; ++i) y[i] = exponential(x[i] - largest);
}

/// Σ e^(x − largest)
inline double sum_of_exponentials(const float* x, float largest, std::int64_t length) {
  constexpr std::int64_t kBlock = 256;
  float block[kBlock];
  double sum = 0;
  for (std::int64_t first = 0; first < length; first += kBlock) {
    const std::int64_t count = std::min(kBlock, length - first);
    exponentials(x + first, largest, block, count);
    sum += sum_of(count, [&](std::int64_t i) { return block[i]; });
  }
  return sum;
}

/// Elements that are worth a thread's turn, and of which a sum is taken before it is added to
/// others.
constexpr std::int64_t kTile = 16384;

/// Rows to a task.
inline std::int64_t rows_per_task(std::int64_t length) {
  return std::max<std::int64_t>(1, kTile / std::max<std::int64_t>(1, length));
}

}  // namespace equipoise::engine
