#pragma once

#include "images/coefficients.h"

namespace equipoise::images {

/// Rows `first_row` to `end_row` of the image with the columns that the coefficients say.
Image resample_columns(const Image& image, const Coefficients& coefficients, std::int32_t first_row,
                       std::int32_t end_row);

/// The rows that the coefficients say; those of the image begin with `first_row` of the source.
Image resample_rows(const Image& image, const Coefficients& coefficients, std::int32_t first_row);

/// Part of the image that `resize` would make.
struct Part {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};
Image resize_part(const Image& image, int width, int height, Interpolation interpolation,
                  const Box& box, const Part& part);

}  // namespace equipoise::images
