#include "equipoise/image.h"

#include <limits>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;

/// 3 × 2, grey.
Image grey() { return {.width = 3, .height = 2, .channels = 1, .pixels = {1, 2, 3, 4, 5, 6}}; }
/// 2 × 1, in color.
Image color() { return {.width = 2, .height = 1, .channels = 3, .pixels = {1, 2, 3, 4, 5, 6}}; }

TEST(Crop, CutsOutWhatItSays) {
  EXPECT_THAT(crop(grey(), 1, 0, 2, 2).pixels, ElementsAre(2, 3, 5, 6));
  EXPECT_THAT(crop(color(), 1, 0, 1, 1).pixels, ElementsAre(4, 5, 6));
}

TEST(Crop, LeavingTheImageIsAnError) {
  constexpr int kMost = std::numeric_limits<int>::max();
  EXPECT_THROW(static_cast<void>(crop(grey(), 2, 0, 2, 1)), Error);
  EXPECT_THROW(static_cast<void>(crop(grey(), 0, 1, 1, 2)), Error);
  EXPECT_THROW(static_cast<void>(crop(grey(), -1, 0, 2, 1)), Error);
  EXPECT_THROW(static_cast<void>(crop(grey(), 0, 0, 0, 1)), Error);
  EXPECT_THROW(static_cast<void>(crop(grey(), 1, 1, kMost, kMost)), Error);
}

TEST(Flip, MirrorsPixelsNotChannels) {
  EXPECT_THAT(flip(grey()).pixels, ElementsAre(3, 2, 1, 6, 5, 4));
  EXPECT_THAT(flip(color()).pixels, ElementsAre(4, 5, 6, 1, 2, 3));
}

TEST(WithChannels, ColorBecomesItsLuma) {
  const Image image{.width = 5,
                    .height = 1,
                    .channels = 3,
                    .pixels = {255, 0, 0, 0, 255, 0, 0, 0, 255, 255, 255, 255, 10, 200, 30}};
  // Pillow's convert("L").
  EXPECT_THAT(with_channels(image, 1).pixels, ElementsAre(76, 150, 29, 255, 124));
}

TEST(WithChannels, GreyBecomesThreeEqualChannels) {
  const Image image = with_channels({.width = 2, .height = 1, .channels = 1, .pixels = {7, 9}}, 3);
  EXPECT_EQ(image.channels, 3);
  EXPECT_THAT(image.pixels, ElementsAre(7, 7, 7, 9, 9, 9));
  EXPECT_THROW(static_cast<void>(with_channels(grey(), 4)), Error);
}

TEST(Resize, WhatDoesNotFitIsAnError) {
  const auto resized = [](int width, int height, const std::optional<Box>& box = {}) {
    static_cast<void>(resize(grey(), width, height, Interpolation::kBilinear, box));
  };
  EXPECT_THROW(resized(0, 2), Error);
  EXPECT_THROW(resized(2, -1), Error);
  EXPECT_THROW(resized(1 << 20U, 1 << 20U), Error);
  EXPECT_THROW(resized(1, std::numeric_limits<int>::max()), Error);
  EXPECT_THROW(resized(2, 2, Box{0, 0, 3.5F, 2}), Error);
  EXPECT_THROW(resized(2, 2, Box{1, 0, 1, 2}), Error);
  EXPECT_THROW(resized(2, 2, Box{-0.5F, 0, 1, 2}), Error);
  EXPECT_THROW(resized(2, 2, Box{std::numeric_limits<float>::quiet_NaN(), 0, 1, 2}), Error);
  EXPECT_NO_THROW(resized(2, 2, Box{0, 0, 3, 2}));
}

TEST(Image, ThatDoesNotHoldTogetherIsAnError) {
  Image image = grey();
  image.pixels.pop_back();
  EXPECT_THROW(static_cast<void>(flip(image)), Error);
  EXPECT_THROW(static_cast<void>(flip(Image{})), Error);
  EXPECT_THROW(static_cast<void>(flip({.width = 1, .height = 1, .channels = 2, .pixels = {1, 2}})),
               Error);
  EXPECT_THROW(static_cast<void>(flip({.width = -1, .height = -1, .channels = 1, .pixels = {1}})),
               Error);
}

}  // namespace
}  // namespace equipoise::testing
