#include "images/orientation.h"

#include <algorithm>
#include <array>
#include <utility>

#include "images/byte_reader.h"
#include "images/check.h"

namespace equipoise::images {
namespace {

constexpr int kUpright = 1;

int orientation_in_tiff(Bytes tiff) {
  const std::endian order =
      ByteReader(tiff, std::endian::big).u16(0) == 0x4D4D ? std::endian::big : std::endian::little;
  const ByteReader reader(tiff, order);
  const std::size_t directory = reader.u32(4);
  const std::uint32_t entries = reader.u16(directory);
  for (std::size_t i = 0; i < entries; ++i) {
    constexpr std::uint32_t kOrientation = 0x0112;
    const std::size_t entry = directory + 2 + 12 * i;
    if (reader.u16(entry) != kOrientation) continue;
    const std::uint32_t value = reader.u16(entry + 8);
    return value >= 1 && value <= 8 ? static_cast<int>(value) : kUpright;
  }
  return kUpright;
}

bool is_one_of(int value, std::initializer_list<int> values) {
  return std::ranges::find(values, value) != values.end();
}

}  // namespace

int exif_orientation(Bytes exif) {
  constexpr std::array<std::uint8_t, 6> kPrefix = {'E', 'x', 'i', 'f', 0, 0};
  if (exif.size() >= kPrefix.size() && std::ranges::equal(exif.first<6>(), kPrefix)) {
    exif = exif.subspan(kPrefix.size());
  }
  try {
    return orientation_in_tiff(exif);
  } catch (const Error&) {  // cut off
    return kUpright;
  }
}

Image oriented(Image image, int orientation) {
  if (orientation == kUpright) return image;
  const bool transposed = orientation >= 5;
  const bool from_right = is_one_of(orientation, {2, 3, 7, 8});
  const bool from_below = is_one_of(orientation, {3, 4, 6, 7});

  const auto channels = std::ptrdiff_t{image.channels};
  std::ptrdiff_t x_step = channels;
  std::ptrdiff_t y_step = channels * image.width;
  const std::uint8_t* from = image.pixels.data() + (from_right ? (image.width - 1) * x_step : 0) +
                             (from_below ? (image.height - 1) * y_step : 0);
  if (from_right) x_step = -x_step;
  if (from_below) y_step = -y_step;
  int width = image.width;
  int height = image.height;
  if (transposed) {
    std::swap(width, height);
    std::swap(x_step, y_step);
  }

  Image result = make_image(width, height, image.channels);
  std::uint8_t* to = result.pixels.data();
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) to = std::copy_n(from + x * x_step + y * y_step, channels, to);
  }
  return result;
}

}  // namespace equipoise::images
