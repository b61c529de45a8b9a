#pragma once

#include <cstdint>

#include "equipoise/image.h"

namespace equipoise::images {

/// Throws Error for an image without pixels, with channels that are not 1 or 3, or with pixels that
/// are not width × height × channels.
void check(const Image& image);

/// Throws Error for a mean or standard deviation that is not finite, or that does not divide.
void check_normalization(const Preprocessing& settings);

/// Throws Error for sizes below 1 or beyond 2^24, and for more bytes than 2^31.
void check_size(std::int64_t width, std::int64_t height, int channels);

/// An image of zeros. Throws Error for a size that `check_size` refuses.
Image make_image(std::int64_t width, std::int64_t height, int channels);

}  // namespace equipoise::images
