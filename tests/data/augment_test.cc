#include "data/augment.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <utility>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/permutation.h"

namespace equipoise::testing {
namespace {

using data::Draws;
using data::PixelBox;
using ::testing::ElementsAre;

/// Pixel (x, y) is 1 + x + 10 y, of each channel.
Image numbered(int width, int height, int channels) {
  Image image{.width = width, .height = height, .channels = channels, .pixels = {}};
  for (int y = 0; y < height; ++y) {
    for (int x = 0; x < width; ++x) {
      image.pixels.insert(image.pixels.end(), static_cast<std::size_t>(channels),
                          static_cast<std::uint8_t>(1 + x + 10 * y));
    }
  }
  return image;
}

TEST(Shuffle, MakesAllOrdersEquallyOften) {
  std::map<std::vector<std::int64_t>, int> counts;
  for (std::uint64_t key = 0; key < 6000; ++key) {
    std::vector<std::int64_t> values = {0, 1, 2};
    data::shuffle(values, key);
    ++counts[values];
  }
  EXPECT_EQ(counts.size(), 6);
  for (const auto& [order, count] : counts) EXPECT_NEAR(count, 1000, 120);  // 4 deviations
}

TEST(Draws, AreUniformAndDifferBetweenImagesAndEpochs) {
  double sum = 0;
  std::map<double, int> values;
  for (std::uint64_t key = 0; key < 10; ++key) {
    for (std::int64_t index = 0; index < 100; ++index) {
      Draws draws(key, index << 31U);
      for (int i = 0; i < 10; ++i) {
        const double value = draws.uniform(2, 4);
        EXPECT_GE(value, 2);
        EXPECT_LT(value, 4);
        sum += value;
        ++values[value];
      }
    }
  }
  EXPECT_EQ(values.size(), 10000);
  EXPECT_NEAR(sum / 10000, 3, 0.025);  // 4 deviations
}

TEST(RandomCrop, IsAWindowOfThePaddedImageAndAllWindowsOccur) {
  constexpr int kPadding = 2;
  for (const int channels : {1, 3}) {
    const Image image = numbered(5, 4, channels);
    std::map<std::pair<int, int>, int> counts;
    for (std::int64_t index = 0; index < 6300; ++index) {
      Draws draws(1, index);
      const Image cut = data::random_crop(image, kPadding, 3, 2, draws);
      ASSERT_EQ(cut.pixels.size(), 6 * channels);
      bool found = false;
      for (int top = -kPadding; top <= 4; ++top) {
        for (int left = -kPadding; left <= 4; ++left) {
          std::vector<std::uint8_t> window;
          for (int y = top; y < top + 2; ++y) {
            for (int x = left; x < left + 3; ++x) {
              const bool inside = y >= 0 && y < 4 && x >= 0 && x < 5;
              window.insert(window.end(), static_cast<std::size_t>(channels),
                            static_cast<std::uint8_t>(inside ? 1 + x + 10 * y : 0));
            }
          }
          if (window == cut.pixels) {
            if (!std::exchange(found, true)) ++counts[{left, top}];
          }
        }
      }
      ASSERT_TRUE(found);
    }
    // Of 7 × 7 windows those of the two rows above and below, and the corners, are black.
    for (int top = -1; top <= 3; ++top) {
      for (int left = -2; left <= 4; ++left) {
        EXPECT_NEAR((counts[{left, top}]), 6300 / 49, 46) << left << ' ' << top;
      }
    }
  }
}

TEST(RandomCrop, OfTheWholeImageIsTheImage) {
  const Image image = numbered(5, 4, 3);
  Draws draws(0, 0);
  EXPECT_EQ(data::random_crop(image, 0, 5, 4, draws).pixels, image.pixels);
}

/// The mean share of the area of boxes that lie within an image of 500 × 400, on a grid of areas
/// and ratios.
double expected_area() {
  constexpr int kGrid = 400;
  double count = 0;
  double sum = 0;
  for (int i = 0; i < kGrid; ++i) {
    const double area = 0.08 + 0.92 * (i + 0.5) / kGrid;
    for (int k = 0; k < kGrid; ++k) {
      const double ratio = 0.75 * std::pow(16.0 / 9, (k + 0.5) / kGrid);
      const double pixels = area * 500 * 400;
      if (std::sqrt(pixels * ratio) > 500 || std::sqrt(pixels / ratio) > 400) continue;
      count += 1;
      sum += area;
    }
  }
  return sum / count;
}

TEST(RandomBox, KeepsAreaAndRatioWithinBounds) {
  const Augmentation augmentation{.crop = Crop::kRandomResized};
  double area = 0;
  double log_ratio = 0;
  constexpr int kCount = 4000;
  bool touches_left = false;
  bool touches_right = false;
  for (std::int64_t index = 0; index < kCount; ++index) {
    Draws draws(3, index);
    const PixelBox box = data::random_box(500, 400, augmentation, draws);
    EXPECT_GE(box.left, 0);
    EXPECT_GE(box.top, 0);
    EXPECT_LE(box.left + box.width, 500);
    EXPECT_LE(box.top + box.height, 400);
    const double share = box.width * box.height / (500.0 * 400);
    const double ratio = static_cast<double>(box.width) / box.height;
    EXPECT_GT(share, 0.079);
    EXPECT_GT(ratio, 0.74);
    EXPECT_LT(ratio, 1.35);
    area += share / kCount;
    log_ratio += std::log(ratio) / kCount;
    touches_left |= box.left == 0;
    touches_right |= box.left + box.width == 500;
  }
  EXPECT_NEAR(area, expected_area(), 0.015);  // 4 deviations
  EXPECT_NEAR(log_ratio, 0, 0.03);
  EXPECT_TRUE(touches_left);
  EXPECT_TRUE(touches_right);
}

TEST(RandomBox, FallsBackToTheMiddle) {
  const Augmentation whole{
      .crop = Crop::kRandomResized, .area = {1, 1}, .ratio = {3.0 / 4, 4.0 / 3}};
  const auto middle = [&](int width, int height) {
    Draws draws(0, 0);
    const PixelBox box = data::random_box(width, height, whole, draws);
    return std::vector{box.left, box.top, box.width, box.height};
  };
  EXPECT_THAT(middle(400, 100), ElementsAre(133, 0, 133, 100));
  EXPECT_THAT(middle(90, 300), ElementsAre(0, 90, 90, 120));
  EXPECT_THAT(middle(1, 1000), ElementsAre(0, 499, 1, 1));
  EXPECT_THAT(middle(1, 1), ElementsAre(0, 0, 1, 1));
}

TEST(MirrorRows, TurnsEachRow) {
  std::vector<float> values = {1, 2, 3, 4, 5, 6};
  data::mirror_rows(values, 3);
  EXPECT_THAT(values, ElementsAre(3, 2, 1, 6, 5, 4));
}

}  // namespace
}  // namespace equipoise::testing
