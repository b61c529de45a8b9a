// What Pillow decodes files to (pillow_images.py has run before), and what becomes of such files
// when they are damaged.

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <random>

#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/image.h"
#include "images/answers.h"

namespace equipoise::testing {
namespace {

struct Case {
  std::string name;
  std::vector<std::uint8_t> bytes;
  int shorter_side = 0;
  int tolerance = 0;
  Image expected;
};

Case next_case(Answers& answers) {
  Case result;
  result.name = answers.text<std::string>(answers.value<std::uint32_t>());
  result.bytes = answers.text<std::vector<std::uint8_t>>(answers.value<std::uint32_t>());
  result.shorter_side = answers.value<std::int32_t>();
  result.tolerance = answers.value<std::int32_t>();
  const auto width = answers.value<std::int32_t>();
  const auto height = answers.value<std::int32_t>();
  result.expected = answers.pixels(width, height, answers.value<std::int32_t>());
  return result;
}

void for_each_case(const std::function<void(const Case&)>& test) {
  Answers answers(EQUIPOISE_PILLOW_IMAGES);
  int cases = 0;
  for (; answers.has_next(); ++cases) {
    const Case one = next_case(answers);
    ASSERT_TRUE(answers.complete());
    SCOPED_TRACE(one.name);
    test(one);
    if (::testing::Test::HasFatalFailure()) return;
  }
  answers.require(cases, 300);
}

int largest_difference(const Image& a, const Image& b) {
  int largest = 0;
  for (std::size_t i = 0; i < a.pixels.size(); ++i) {
    largest = std::max(largest, std::abs(a.pixels[i] - b.pixels[i]));
  }
  return largest;
}

TEST(DecodeImage, PixelsArePillows) {
  for_each_case([](const Case& one) {
    const Image image = decode_image(one.bytes, {.shorter_side = one.shorter_side});
    ASSERT_EQ(image.width, one.expected.width);
    ASSERT_EQ(image.height, one.expected.height);
    ASSERT_EQ(image.channels, one.expected.channels);
    EXPECT_LE(largest_difference(image, one.expected), one.tolerance);
  });
}

TEST(DecodeImage, WhatIsCutOffIsAnError) {
  for_each_case([](const Case& one) {
    // A number that has lost digits is one, too.
    const bool in_text = one.bytes[0] == 'P' && one.bytes[1] <= '3';
    for (std::size_t sixteenths = 0; sixteenths < (in_text ? 8 : 16); ++sixteenths) {
      const auto rest = std::span(one.bytes).first(one.bytes.size() * sixteenths / 16);
      EXPECT_THROW(static_cast<void>(decode_image(rest)), Error) << rest.size() << " bytes";
    }
  });
}

TEST(DecodeImage, WhatIsDamagedIsAnErrorOrAnImage) {
  std::minstd_rand random(11);
  for_each_case([&](const Case& one) {
    for (int i = 0; i < 40; ++i) {
      std::vector<std::uint8_t> bytes = one.bytes;
      for (int n = i % 4; n >= 0; --n) {
        bytes[random() % bytes.size()] = static_cast<std::uint8_t>(random());
      }
      try {
        const Image image = decode_image(bytes, {.max_pixels = 100000});
        EXPECT_EQ(image.pixels.size(), static_cast<std::size_t>(image.width) *
                                           static_cast<std::size_t>(image.height) *
                                           static_cast<std::size_t>(image.channels));
      } catch (const Error&) {
      }
    }
  });
}

TEST(DecodeImage, MorePixelsThanAllowedAreAnError) {
  for_each_case([](const Case& one) {
    const std::int64_t pixels = std::int64_t{one.expected.width} * one.expected.height;
    if (one.shorter_side != 0) return;
    EXPECT_NO_THROW(static_cast<void>(decode_image(one.bytes, {.max_pixels = pixels})));
    if (pixels == 1) return;
    EXPECT_THROW(static_cast<void>(decode_image(one.bytes, {.max_pixels = pixels - 1})), Error);
  });
}

}  // namespace
}  // namespace equipoise::testing
