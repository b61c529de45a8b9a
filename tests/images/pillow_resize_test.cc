// Pillow's resize (pillow_resizes.py has run before), byte by byte, on every instruction set.

#include <bit>
#include <cstdlib>
#include <fstream>

#include <gtest/gtest.h>

#include "equipoise/image.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

static_assert(std::endian::native == std::endian::little);

template <class T>
T read(std::istream& file) {
  T value{};
  file.read(reinterpret_cast<char*>(&value), sizeof(value));
  return value;
}

Image read_pixels(std::istream& file, int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  image.pixels.resize(static_cast<std::size_t>(width) * static_cast<std::size_t>(height) *
                      static_cast<std::size_t>(channels));
  file.read(reinterpret_cast<char*>(image.pixels.data()),
            static_cast<std::streamsize>(image.pixels.size()));
  return image;
}

TEST(Resize, BytesArePillows) {
  for_each_target([] {
    std::ifstream file(EQUIPOISE_PILLOW_RESIZES, std::ios::binary);
    int cases = 0;
    for (; file.peek() != std::ifstream::traits_type::eof(); ++cases) {
      const auto width = read<std::int32_t>(file);
      const auto height = read<std::int32_t>(file);
      const auto channels = read<std::int32_t>(file);
      const auto to_width = read<std::int32_t>(file);
      const auto to_height = read<std::int32_t>(file);
      const auto interpolation = static_cast<Interpolation>(read<std::int32_t>(file));
      const Box box{read<float>(file), read<float>(file), read<float>(file), read<float>(file)};
      const Image image = read_pixels(file, width, height, channels);
      const Image expected = read_pixels(file, to_width, to_height, channels);
      ASSERT_TRUE(file);
      const Image actual = resize(image, to_width, to_height, interpolation, box);
      ASSERT_EQ(actual.pixels, expected.pixels)
          << simd_target() << ", case " << cases << ": " << width << " × " << height << " × "
          << channels << " to " << to_width << " × " << to_height;
    }
    if (cases > 500) return;
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr)
        << "no answers of Pillow in " << EQUIPOISE_PILLOW_RESIZES;
    GTEST_SKIP() << "no answers of Pillow in " << EQUIPOISE_PILLOW_RESIZES
                 << ": install python3-pil and run ctest, which writes them first";
  });
}

}  // namespace
}  // namespace equipoise::testing
