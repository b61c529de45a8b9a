#include "data/transform.h"

#include <algorithm>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/made_images.h"

namespace equipoise::testing {
namespace {

using data::Transform;

const ImageSize kColor{.channels = 3, .height = 20, .width = 30};

std::vector<float> apply(const Transform& transform, const Image& image, std::int64_t index) {
  const auto& [channels, height, width] = transform.size();
  std::vector<float> chw(static_cast<std::size_t>(channels * height * width));
  transform(image, 5, index, chw);
  return chw;
}

std::vector<float> preprocessed(const Image& image, const Preprocessing& preprocessing) {
  std::vector<float> chw(static_cast<std::size_t>(preprocessing.channels * preprocessing.height *
                                                  preprocessing.width));
  preprocess(image, preprocessing, chw);
  return chw;
}

TEST(Transform, FlipsHalfOfTheImages) {
  const DatasetPtr data = made_images({.size = kColor});
  const Transform transform(*data, Pass::kTraining, {.augmentation = {.flip = 0.5}});
  const Image image = data->image(0);
  const Preprocessing plain{.height = 20, .width = 30};
  const std::vector<float> as_it_is = preprocessed(image, plain);
  const std::vector<float> flipped = preprocessed(flip(image), plain);
  int flips = 0;
  for (std::int64_t index = 0; index < 1000; ++index) {
    const std::vector<float> chw = apply(transform, image, index);
    ASSERT_TRUE(chw == as_it_is || chw == flipped);
    flips += chw == flipped ? 1 : 0;
  }
  EXPECT_NEAR(flips, 500, 64);  // 4 deviations
}

TEST(Transform, RandomCropsAreOfTheResizedImage) {
  const DatasetPtr data = made_images({.size = kColor});
  for (const int channels : {1, 3}) {
    // The shorter side becomes 10, the longer one 15: only the columns are free.
    const Preprocessing preprocessing{
        .channels = channels, .resize = 10, .height = 10, .width = 14};
    const Transform transform(
        *data, Pass::kTraining,
        {.preprocessing = preprocessing, .augmentation = {.crop = Crop::kRandom}});
    const Image image = data->image(1);
    const Image resized =
        resize(channels == 1 ? with_channels(image, 1) : image, 15, 10, Interpolation::kBilinear);
    const Preprocessing plain{.channels = channels, .height = 10, .width = 14};
    const std::vector<float> left = preprocessed(crop(resized, 0, 0, 14, 10), plain);
    const std::vector<float> right = preprocessed(crop(resized, 1, 0, 14, 10), plain);
    int lefts = 0;
    for (std::int64_t index = 0; index < 100; ++index) {
      const std::vector<float> chw = apply(transform, image, index);
      ASSERT_TRUE(chw == left || chw == right);
      lefts += chw == left ? 1 : 0;
    }
    EXPECT_NEAR(lefts, 50, 20);
  }
}

TEST(Transform, RandomResizedCropsOfTheWholeAreTheResizedImage) {
  const DatasetPtr data = made_images({.size = {.channels = 3, .height = 20, .width = 20}});
  const Preprocessing preprocessing{
      .interpolation = Interpolation::kBicubic, .height = 8, .width = 12};
  const Transform transform(
      *data, Pass::kTraining,
      {.preprocessing = preprocessing,
       .augmentation = {.crop = Crop::kRandomResized, .area = {1, 1}, .ratio = {1, 1}}});
  const Image image = data->image(0);
  EXPECT_EQ(apply(transform, image, 3),
            preprocessed(resize(image, 12, 8, Interpolation::kBicubic), preprocessing));
}

TEST(Transform, RandomResizedCropsOfPartsAreThatPart) {
  // Left half black, right half white, both wide enough for a box of 1/16.
  Image image{.width = 40, .height = 40, .channels = 1, .pixels = {}};
  for (int p = 0; p < 1600; ++p) image.pixels.push_back(p % 40 < 20 ? 0 : 255);
  const DatasetPtr data = made_images({.size = {.channels = 1, .height = 40, .width = 40}});
  const Transform transform(
      *data, Pass::kTraining,
      {.preprocessing = {.channels = 1, .height = 4, .width = 4},
       .augmentation = {
           .crop = Crop::kRandomResized, .area = {1.0 / 16, 1.0 / 16}, .ratio = {1, 1}}});
  int black = 0;
  int white = 0;
  for (std::int64_t index = 0; index < 310; ++index) {
    const std::vector<float> chw = apply(transform, image, index);
    black += std::ranges::all_of(chw, [](float v) { return v == 0; }) ? 1 : 0;
    white += std::ranges::all_of(chw, [](float v) { return v == 1; }) ? 1 : 0;
  }
  // The box's left edge is one of 0 … 30: 11 of 31 are black, 11 white.
  EXPECT_NEAR(black, 110, 34);
  EXPECT_NEAR(white, 110, 34);
}

}  // namespace
}  // namespace equipoise::testing
