#include <cmath>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "equipoise/image.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::FloatEq;

Image gradient(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int i = 0; i < width * height * channels; ++i) {
    image.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 256));
  }
  return image;
}

std::vector<float> preprocessed(const Image& image, const Preprocessing& settings,
                                std::size_t size) {
  std::vector<float> chw(size, -1);
  preprocess(image, settings, chw);
  return chw;
}

TEST(Preprocess, ChannelsAreSeparatedAndNormalized) {
  const Image image{.width = 2, .height = 1, .channels = 3, .pixels = {0, 51, 102, 153, 204, 255}};
  EXPECT_THAT(preprocessed(image, {}, 6),
              ElementsAre(0, FloatEq(0.6F), FloatEq(0.2F), FloatEq(0.8F), FloatEq(0.4F), 1));
  EXPECT_THAT(preprocessed(image, {.mean = {0, 0.2F, 0}, .std = {0.5F, 1, 2}}, 6),
              ElementsAre(0, FloatEq(1.2F), FloatEq(0), FloatEq(0.6F), FloatEq(0.2F), 0.5F));
}

TEST(Preprocess, ChannelsAreThoseOfTheNetwork) {
  const Image grey{.width = 1, .height = 1, .channels = 1, .pixels = {51}};
  EXPECT_THAT(preprocessed(grey, {}, 3), ElementsAre(0.2F, 0.2F, 0.2F));
  const Image color{.width = 1, .height = 1, .channels = 3, .pixels = {255, 0, 0}};
  EXPECT_THAT(preprocessed(color, {.channels = 1}, 1), ElementsAre(FloatEq(76 / 255.0F)));
}

/// The sizes before and after, and where 16 rows of 17 pixels begin in the middle.
struct Middle {
  int width, height, to_width, to_height, left, top;
};

TEST(Preprocess, IsResizeThenTheMiddle) {
  // Halves go to the even pixel: (20 − 17) / 2 = 1.5, (27 − 16) / 2 = 5.5, (25 − 16) / 2 = 4.5.
  for (const Middle& m : {Middle{41, 30, 27, 20, 5, 2}, Middle{30, 41, 20, 27, 2, 6},
                          Middle{7, 9, 20, 25, 2, 4}, Middle{20, 20, 20, 20, 2, 2}}) {
    for (const int channels : {1, 3}) {
      const Image image = gradient(m.width, m.height, channels);
      const Image expected = crop(resize(image, m.to_width, m.to_height, Interpolation::kBicubic),
                                  m.left, m.top, 17, 16);
      const std::size_t size = expected.pixels.size();
      std::vector<float> chw(size);
      preprocess(expected, {.channels = channels}, chw);
      EXPECT_EQ(preprocessed(image,
                             {.channels = channels,
                              .resize = 20,
                              .interpolation = Interpolation::kBicubic,
                              .height = 16,
                              .width = 17},
                             size),
                chw)
          << m.width << " × " << m.height << " × " << channels;
    }
  }
}

TEST(Preprocess, WhatDoesNotFitIsAnError) {
  const Image image = gradient(4, 3, 3);
  EXPECT_THROW(preprocessed(image, {}, 35), Error);
  EXPECT_THROW(preprocessed(image, {.channels = 2}, 24), Error);
  EXPECT_THROW(preprocessed(image, {.resize = -1}, 36), Error);
  EXPECT_THROW(preprocessed(image, {.height = 4, .width = 4}, 48), Error);
  EXPECT_THROW(preprocessed(image, {.resize = 8, .height = 9, .width = 9}, 243), Error);
  EXPECT_THROW(preprocessed(image, {.mean = {0, 0}}, 36), Error);
  EXPECT_THROW(preprocessed(image, {.std = {1, 0, 1}}, 36), Error);
  EXPECT_THROW(preprocessed(image, {.std = {1, 1}}, 36), Error);
  for (const float value : {NAN, INFINITY, -INFINITY}) {
    EXPECT_THROW(preprocessed(image, {.mean = {0, value, 0}}, 36), Error);
    EXPECT_THROW(preprocessed(image, {.std = {1, 1, value}}, 36), Error);
  }
  EXPECT_THROW(preprocessed(gradient(10000, 1, 1), {.resize = 10000}, 3), Error);
  EXPECT_NO_THROW(preprocessed(image, {.resize = 8, .height = 8, .width = 8}, 192));
}

}  // namespace
}  // namespace equipoise::testing
