#include <array>
#include <cmath>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "images/check.h"
#include "images/resample.h"
#include "images/shorter_side.h"

namespace equipoise {
namespace {

using images::Part;
using images::Size;

void check(const Preprocessing& settings) {
  if (settings.channels != 1 && settings.channels != 3) {
    throw Error(
        fmt::format("preprocessing to {} channels; there have to be 1 or 3", settings.channels));
  }
  if (settings.resize < 0 || settings.height < 0 || settings.width < 0) {
    throw Error(
        fmt::format("preprocessing with resize {}, height {} and width {}; none may be "
                    "negative",
                    settings.resize, settings.height, settings.width));
  }
  for (const auto& values : {settings.mean, settings.std}) {
    if (!values.empty() && values.size() != static_cast<std::size_t>(settings.channels)) {
      throw Error(
          fmt::format("preprocessing to {} channels with {} means and {} standard "
                      "deviations; there has to be one of each per channel, or none",
                      settings.channels, settings.mean.size(), settings.std.size()));
    }
  }
  images::check_normalization(settings);
}

/// To the nearest, from halfway to the even one.
int half(int difference) { return static_cast<int>(std::nearbyint(difference / 2.0)); }

Part middle(Size size, const Preprocessing& settings) {
  const int width = settings.width == 0 ? size.width : settings.width;
  const int height = settings.height == 0 ? size.height : settings.height;
  if (width > size.width || height > size.height) {
    throw Error(fmt::format(
        "{} × {} pixels cannot be cut out of {} × {}; {}", width, height, size.width, size.height,
        settings.resize == 0 ? "let preprocessing resize the image first"
                             : "'resize' has to be as large as what is cut out"));
  }
  return {.left = half(size.width - width),
          .top = half(size.height - height),
          .width = width,
          .height = height};
}

/// What a byte becomes in a channel.
std::array<float, 256> channel_values(const Preprocessing& settings, std::size_t channel) {
  const float mean = settings.mean.empty() ? 0 : settings.mean[channel];
  const float std = settings.std.empty() ? 1 : settings.std[channel];
  std::array<float, 256> values{};
  for (std::size_t i = 0; i < values.size(); ++i) {
    values[i] = (static_cast<float>(i) / 255.0F - mean) / std;
  }
  return values;
}

}  // namespace

void preprocess(const Image& image, const Preprocessing& preprocessing, std::span<float> chw) {
  images::check(image);
  check(preprocessing);
  const Size size = images::with_shorter_side({image.width, image.height}, preprocessing.resize);
  const Part part = middle(size, preprocessing);
  const auto positions =
      static_cast<std::size_t>(part.width) * static_cast<std::size_t>(part.height);
  const auto channels = static_cast<std::size_t>(preprocessing.channels);
  if (chw.size() != channels * positions) {
    throw Error(fmt::format("a buffer of {} values for an image of {} × {} × {}", chw.size(),
                            channels, part.height, part.width));
  }

  const bool to_grey = preprocessing.channels == 1 && image.channels == 3;
  const Image cut = images::resize_part(to_grey ? with_channels(image, 1) : image, size.width,
                                        size.height, preprocessing.interpolation,
                                        {.left = 0,
                                         .top = 0,
                                         .right = static_cast<float>(image.width),
                                         .bottom = static_cast<float>(image.height)},
                                        part);
  const auto step = static_cast<std::size_t>(cut.channels);
  for (std::size_t c = 0; c < channels; ++c) {
    const std::array<float, 256> values = channel_values(preprocessing, c);
    const std::uint8_t* from = cut.pixels.data() + (step == 1 ? 0 : c);
    float* to = chw.data() + c * positions;
    for (std::size_t i = 0; i < positions; ++i) to[i] = values[from[i * step]];
  }
}

}  // namespace equipoise
