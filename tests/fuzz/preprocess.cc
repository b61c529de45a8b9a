// Parameters of resizing and preprocessing rather than pixels, of which there are few.

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

#include <fuzzer/FuzzedDataProvider.h>

#include "equipoise/image.h"
#include "fuzz/fuzz.h"

namespace {

using equipoise::Box;
using equipoise::Image;

Image make_image(FuzzedDataProvider& input) {
  Image image{.width = input.ConsumeIntegralInRange(1, 100),
              .height = input.ConsumeIntegralInRange(1, 100),
              .channels = input.ConsumeBool() ? 3 : 1,
              .pixels = {}};
  image.pixels.assign(static_cast<std::size_t>(image.width * image.height * image.channels),
                      input.ConsumeIntegral<std::uint8_t>());
  return image;
}

void resize(FuzzedDataProvider& input, const Image& image, equipoise::Interpolation how) {
  std::optional<Box> box;
  if (input.ConsumeBool()) {
    const auto edge = [&] { return input.ConsumeFloatingPoint<float>(); };
    const auto inside = [&](int size) {
      return input.ConsumeFloatingPointInRange<float>(0, static_cast<float>(size));
    };
    box = input.ConsumeBool() ? Box{edge(), edge(), edge(), edge()}
                              : Box{inside(image.width), inside(image.height), inside(image.width),
                                    inside(image.height)};
  }
  // Sides that are refused, and those that take little time.
  const int width = input.ConsumeIntegralInRange(-2, 400);
  const int height = input.ConsumeBool() ? input.ConsumeIntegral<int>() | 1 << 30U
                                         : input.ConsumeIntegralInRange(-2, 400);
  const Image result = equipoise::resize(image, width, height, how, box);
  equipoise::fuzz::require(result.width == width && result.height == height);
  // All pixels are equal, and weights add up to 1.
  for (const std::uint8_t pixel : result.pixels) {
    equipoise::fuzz::require(pixel == image.pixels.front());
  }
}

void preprocess(FuzzedDataProvider& input, const Image& image, equipoise::Interpolation how) {
  const auto floats = [&] {
    std::vector<float> values(input.ConsumeIntegralInRange<std::size_t>(0, 4));
    for (float& value : values) value = input.ConsumeFloatingPoint<float>();
    return values;
  };
  const equipoise::Preprocessing settings{.channels = input.ConsumeIntegralInRange(0, 4),
                                          .resize = input.ConsumeIntegralInRange(-1, 1000),
                                          .interpolation = how,
                                          .height = input.ConsumeIntegralInRange(-1, 300),
                                          .width = input.ConsumeIntegralInRange(-1, 300),
                                          .mean = floats(),
                                          .std = floats()};
  const int size = input.ConsumeBool() ? settings.channels * settings.height * settings.width
                                       : input.ConsumeIntegralInRange(0, 1000);
  std::vector<float> chw(static_cast<std::size_t>(std::max(size, 0)));
  equipoise::preprocess(image, settings, chw);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  FuzzedDataProvider input(data, size);
  const Image image = make_image(input);
  const auto how = static_cast<equipoise::Interpolation>(input.ConsumeIntegralInRange(0, 2));
  equipoise::fuzz::try_to([&] { resize(input, image, how); });
  return equipoise::fuzz::try_to([&] { preprocess(input, image, how); });
}
