#pragma once

#include <cstdint>

namespace equipoise::engine {

/// Σ x[i·stride], or Σ x[i·stride]·z[i·stride] where z is not null. In f32 over at most some
/// thousand elements, in f64 over those sums.
double sum_of(const float* x, const float* z, std::int64_t count, std::int64_t stride);

/// The sums of columns that are summed at once.
inline constexpr std::int64_t kSumColumns = 64;

/// sums[c] += Σ x[r·stride + c], or Σ x·z, over `rows` rows, for `columns` ≤ kSumColumns.
void add_columns(const float* x, const float* z, std::int64_t rows, std::int64_t stride,
                 std::int64_t columns, double* sums);

}  // namespace equipoise::engine
