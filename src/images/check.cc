#include "images/check.h"

#include <cmath>
#include <cstddef>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::images {

void check(const Image& image) {
  if (image.width < 1 || image.height < 1) {
    throw Error(fmt::format("an image of {} × {} pixels; both have to be 1 or more", image.width,
                            image.height));
  }
  if (image.channels != 1 && image.channels != 3) {
    throw Error(
        fmt::format("an image of {} channels; there have to be 1 (grey) or 3 (red, green, "
                    "blue)",
                    image.channels));
  }
  const std::size_t expected = static_cast<std::size_t>(image.width) *
                               static_cast<std::size_t>(image.height) *
                               static_cast<std::size_t>(image.channels);
  if (image.pixels.size() != expected) {
    throw Error(fmt::format("an image of {} × {} pixels and {} channels has {} bytes instead of {}",
                            image.width, image.height, image.channels, image.pixels.size(),
                            expected));
  }
}

void check_normalization(const Preprocessing& settings) {
  for (const float mean : settings.mean) {
    if (!std::isfinite(mean)) {
      throw Error(fmt::format("preprocessing with a mean of {}; it has to be finite", mean));
    }
  }
  for (const float std : settings.std) {
    if (!std::isfinite(std) || !(std > 0)) {
      throw Error(fmt::format(
          "preprocessing with a standard deviation of {}; it divides, and has to be finite and > 0",
          std));
    }
  }
}

void check_size(std::int64_t width, std::int64_t height, int channels) {
  constexpr std::int64_t kLongest = std::int64_t{1} << 24U;
  constexpr std::int64_t kMostBytes = std::int64_t{1} << 31U;
  if (width < 1 || height < 1 || width > kLongest || height > kLongest ||
      width * height > kMostBytes / channels) {
    throw Error(fmt::format(
        "an image of {} × {} pixels is asked for; both have to be from 1 to 2^24, and all of it at "
        "most 2^31 bytes",
        width, height));
  }
}

Image make_image(std::int64_t width, std::int64_t height, int channels) {
  check_size(width, height, channels);
  return {.width = static_cast<int>(width),
          .height = static_cast<int>(height),
          .channels = channels,
          .pixels = std::vector<std::uint8_t>(static_cast<std::size_t>(width * height * channels))};
}

}  // namespace equipoise::images
