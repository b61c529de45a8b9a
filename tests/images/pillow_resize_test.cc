// Pillow's resize (pillow_resizes.py has run before), byte by byte, on every instruction set.

#include <gtest/gtest.h>

#include "equipoise/image.h"
#include "images/answers.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

TEST(Resize, BytesArePillows) {
  for_each_target([] {
    Answers answers(EQUIPOISE_PILLOW_RESIZES);
    int cases = 0;
    for (; answers.has_next(); ++cases) {
      const auto width = answers.value<std::int32_t>();
      const auto height = answers.value<std::int32_t>();
      const auto channels = answers.value<std::int32_t>();
      const auto to_width = answers.value<std::int32_t>();
      const auto to_height = answers.value<std::int32_t>();
      const auto interpolation = static_cast<Interpolation>(answers.value<std::int32_t>());
      const Box box{answers.value<float>(), answers.value<float>(), answers.value<float>(),
                    answers.value<float>()};
      const Image image = answers.pixels(width, height, channels);
      const Image expected = answers.pixels(to_width, to_height, channels);
      ASSERT_TRUE(answers.complete());
      const Image actual = resize(image, to_width, to_height, interpolation, box);
      ASSERT_EQ(actual.pixels, expected.pixels)
          << simd_target() << ", case " << cases << ": " << width << " × " << height << " × "
          << channels << " to " << to_width << " × " << to_height;
    }
    answers.require(cases, 600);
  });
}

}  // namespace
}  // namespace equipoise::testing
