#pragma once

#include <span>

#include "data/draws.h"
#include "equipoise/image.h"
#include "equipoise/loader.h"

namespace equipoise::data {

/// Throws Error for probabilities, ranges and paddings that make no sense.
void check(const Augmentation& augmentation);

/// A box of whole pixels.
struct PixelBox {
  int left = 0;
  int top = 0;
  int width = 0;
  int height = 0;
};

/// The box of Crop::kRandomResized in an image of that size.
PixelBox random_box(int width, int height, const Augmentation& augmentation, Draws& draws);

/// width × height pixels from anywhere in the image with its padding. Throws Error for an image
/// that is too small.
Image random_crop(const Image& image, int padding, int width, int height, Draws& draws);

/// Left and right of each row of (…, width) change places.
void mirror_rows(std::span<float> values, int width);

}  // namespace equipoise::data
