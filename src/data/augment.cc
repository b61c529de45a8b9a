#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::data {
namespace {

void check_range(const char* what, const std::array<double, 2>& range, double most) {
  if (!(range[0] > 0 && range[0] <= range[1] && range[1] <= most)) {
    throw Error(
        fmt::format("random resized crops have {} from {} to {}; these have to be greater "
                    "than 0{} and in this order",
                    what, range[0], range[1],
                    std::isfinite(most) ? fmt::format(", at most {}", most) : ", finite"));
  }
}

/// The largest box of a ratio within bounds, in the middle.
PixelBox middle_box(int width, int height, const std::array<double, 2>& ratio) {
  const double own = static_cast<double>(width) / height;
  PixelBox box{.width = width, .height = height};
  if (own < ratio[0]) {
    box.height = std::clamp(static_cast<int>(std::lround(width / ratio[0])), 1, height);
  } else if (own > ratio[1]) {
    box.width = std::clamp(static_cast<int>(std::lround(height * ratio[1])), 1, width);
  }
  box.left = (width - box.width) / 2;
  box.top = (height - box.height) / 2;
  return box;
}

}  // namespace

void check(const Augmentation& augmentation) {
  if (!(augmentation.flip >= 0 && augmentation.flip <= 1)) {
    throw Error(fmt::format("images are flipped with probability {}; it is from 0 to 1",
                            augmentation.flip));
  }
  constexpr int kMostPadding = 1 << 16;
  if (augmentation.padding < 0 || augmentation.padding > kMostPadding) {
    throw Error(fmt::format("images are padded by {} pixels; 0 to {} make sense",
                            augmentation.padding, kMostPadding));
  }
  if (augmentation.padding > 0 && augmentation.crop != Crop::kRandom) {
    throw Error("padding is of random crops; ask for these too, or for no padding");
  }
  if (augmentation.crop == Crop::kRandomResized) {
    check_range("shares of the area", augmentation.area, 1);
    check_range("ratios", augmentation.ratio, std::numeric_limits<double>::max());
  }
}

PixelBox random_box(int width, int height, const Augmentation& augmentation, Draws& draws) {
  constexpr int kTries = 10;
  const auto& [least_area, greatest_area] = augmentation.area;
  const auto& [least_ratio, greatest_ratio] = augmentation.ratio;
  for (int i = 0; i < kTries; ++i) {
    const double area =
        static_cast<double>(width) * height * draws.uniform(least_area, greatest_area);
    const double ratio = std::exp(draws.uniform(std::log(least_ratio), std::log(greatest_ratio)));
    const double box_width = std::round(std::sqrt(area * ratio));
    const double box_height = std::round(std::sqrt(area / ratio));
    if (box_width < 1 || box_width > width || box_height < 1 || box_height > height) continue;
    PixelBox box{.width = static_cast<int>(box_width), .height = static_cast<int>(box_height)};
    box.left = draws.below(width - box.width + 1);
    box.top = draws.below(height - box.height + 1);
    return box;
  }
  return middle_box(width, height, augmentation.ratio);
}

Image random_crop(const Image& image, int padding, int width, int height, Draws& draws) {
  const int free_x = image.width + 2 * padding - width;
  const int free_y = image.height + 2 * padding - height;
  if (free_x < 0 || free_y < 0) {
    throw Error(
        fmt::format("{} × {} pixels cannot be cut out of {} × {} with {} around; resize "
                    "the images first",
                    width, height, image.width, image.height, padding));
  }
  const int left = draws.below(free_x + 1) - padding;
  const int top = draws.below(free_y + 1) - padding;

  const auto step = static_cast<std::size_t>(image.channels);
  const auto row = static_cast<std::size_t>(width) * step;
  Image cut{.width = width, .height = height, .channels = image.channels, .pixels = {}};
  cut.pixels.resize(row * static_cast<std::size_t>(height));
  const int begin = std::max(left, 0);
  const int end = std::min(left + width, image.width);
  for (int y = std::max(top, 0); y < std::min(top + height, image.height) && begin < end; ++y) {
    const auto from = static_cast<std::size_t>(y) * static_cast<std::size_t>(image.width) +
                      static_cast<std::size_t>(begin);
    const auto to =
        static_cast<std::size_t>(y - top) * row + static_cast<std::size_t>(begin - left) * step;
    std::copy_n(image.pixels.data() + from * step, static_cast<std::size_t>(end - begin) * step,
                cut.pixels.data() + to);
  }
  return cut;
}

void mirror_rows(std::span<float> values, int width) {
  const auto row = static_cast<std::size_t>(width);
  for (std::size_t first = 0; first < values.size(); first += row) {
    std::ranges::reverse(values.subspan(first, row));
  }
}

}  // namespace equipoise::data
