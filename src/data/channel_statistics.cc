#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/loader.h"

namespace equipoise {
namespace {

/// How often each value occurs. Sums of counts are exact, in whatever order.
using Counts = std::array<std::uint64_t, 256>;

/// Of value/255.
struct Moments {
  double mean = 0;
  double std = 0;
};

Moments moments(const Counts& counts) {
  double count = 0;
  double sum = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    count += static_cast<double>(counts[v]);
    sum += static_cast<double>(counts[v]) * static_cast<double>(v);
  }
  const double mean = sum / count;
  double squares = 0;
  for (std::size_t v = 0; v < counts.size(); ++v) {
    const double difference = static_cast<double>(v) - mean;
    squares += static_cast<double>(counts[v]) * difference * difference;
  }
  return {.mean = mean / 255, .std = std::sqrt(squares / count) / 255};
}

std::optional<Image> image_if_good(const Dataset& dataset, std::int64_t i, BadImage bad_image) {
  try {
    return dataset.image(i);
  } catch (const Error&) {
    if (bad_image == BadImage::kFatal) throw;
    return std::nullopt;
  }
}

}  // namespace

ChannelStatistics channel_statistics(const Dataset& dataset, int channels, BadImage bad_image) {
  if (channels != 1 && channels != 3) {
    throw Error(fmt::format("statistics of {} channels; images have 1 or 3", channels));
  }
  std::array<Counts, 3> counts{};
  bool any = false;
  const auto step = static_cast<std::size_t>(channels);
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::optional<Image> image = image_if_good(dataset, i, bad_image);
    if (!image) continue;
    any = true;
    const std::vector<std::uint8_t> pixels = with_channels(*image, channels).pixels;
    for (std::size_t p = 0; p < pixels.size(); p += step) {
      for (std::size_t c = 0; c < step; ++c) ++counts[c][pixels[p + c]];
    }
  }
  if (!any) throw Error("statistics of images of which none can be read");

  ChannelStatistics statistics;
  for (std::size_t c = 0; c < step; ++c) {
    const auto [mean, std] = moments(counts[c]);
    if (!(std > 0)) {
      throw Error(
          fmt::format("all pixels of channel {} are {}: the data set cannot be normalized "
                      "by their standard deviation",
                      c, mean * 255));
    }
    statistics.mean.push_back(static_cast<float>(mean));
    statistics.std.push_back(static_cast<float>(std));
  }
  return statistics;
}

}  // namespace equipoise
