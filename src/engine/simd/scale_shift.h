#pragma once

#include <cstdint>

namespace equipoise::engine {

/// y[r·lanes + i] = scale[i]·x[r·lanes + i] + factor·shift[i], for r < rows and i < lanes. y may be
/// x.
void scale_shift_rows(const float* x, const float* scale, const float* shift, float factor,
                      float* y, std::int64_t rows, std::int64_t lanes);

/// y[i] = scale·x[i] + shift. y may be x.
void scale_shift_row(const float* x, float scale, float shift, float* y, std::int64_t count);

}  // namespace equipoise::engine
