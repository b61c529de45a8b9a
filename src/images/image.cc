#include "equipoise/image.h"

#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/check.h"

namespace equipoise {
namespace {

std::size_t offset(const Image& image, int x, int y) {
  return (static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
          static_cast<std::size_t>(x)) *
         static_cast<std::size_t>(image.channels);
}

}  // namespace

Image crop(const Image& image, int left, int top, int width, int height) {
  images::check(image);
  if (left < 0 || top < 0 || width < 1 || height < 1 || width > image.width - left ||
      height > image.height - top) {
    throw Error(fmt::format("{} × {} pixels from ({}, {}) on are no part of an image of {} × {}",
                            width, height, left, top, image.width, image.height));
  }
  Image part = images::make_image(width, height, image.channels);
  for (int y = 0; y < height; ++y) {
    std::copy_n(image.pixels.data() + offset(image, left, top + y), offset(part, width, 0),
                part.pixels.data() + offset(part, 0, y));
  }
  return part;
}

Image flip(const Image& image) {
  images::check(image);
  Image mirrored = image;
  for (int y = 0; y < image.height; ++y) {
    for (int x = 0; x < image.width; ++x) {
      std::copy_n(image.pixels.data() + offset(image, image.width - 1 - x, y), image.channels,
                  mirrored.pixels.data() + offset(image, x, y));
    }
  }
  return mirrored;
}

Image with_channels(const Image& image, int channels) {
  images::check(image);
  if (channels == image.channels) return image;
  if (channels != 1 && channels != 3)
    throw Error(fmt::format("an image cannot have {} channels, but 1 or 3", channels));
  Image result = images::make_image(image.width, image.height, channels);
  const std::uint8_t* from = image.pixels.data();
  if (channels == 3) {
    for (std::size_t i = 0; i < result.pixels.size(); ++i) result.pixels[i] = from[i / 3];
    return result;
  }
  for (std::uint8_t& luma : result.pixels) {
    luma = static_cast<std::uint8_t>(
        (19595U * from[0] + 38470U * from[1] + 7471U * from[2] + 0x8000U) >> 16U);
    from += 3;
  }
  return result;
}

}  // namespace equipoise
