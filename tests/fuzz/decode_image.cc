#include "equipoise/image.h"
#include "fuzz/fuzz.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  for (const int shorter_side : {0, 20}) {
    equipoise::fuzz::try_to([&] {
      const equipoise::Image image = equipoise::decode_image(
          {data, size}, {.shorter_side = shorter_side, .max_pixels = 1 << 20});
      equipoise::fuzz::require(equipoise::flip(image).width == image.width);
    });
  }
  return 0;
}
