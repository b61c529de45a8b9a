#include <cmath>
#include <cstdlib>
#include <filesystem>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/made_images.h"
#include "equipoise/loader.h"
#include "norm/error_message.h"

namespace equipoise::testing {
namespace {

using ::testing::HasSubstr;

TEST(ChannelStatistics, AreThoseOfTheFormula) {
  const DatasetPtr data =
      made_images({.size = {.channels = 3, .height = 5, .width = 7}, .small = {2}});
  const ChannelStatistics statistics = channel_statistics(*data, 3);
  for (std::size_t c = 0; c < 3; ++c) {
    std::vector<double> values;
    for (std::int64_t i = 0; i < data->size(); ++i) {
      const Image image = data->image(i);
      for (std::size_t p = c; p < image.pixels.size(); p += 3) {
        values.push_back(image.pixels[p] / 255.0);
      }
    }
    const auto count = static_cast<double>(values.size());
    EXPECT_EQ(count, 9 * 35 + 1);
    double mean = 0;
    for (const double v : values) mean += v / count;
    double variance = 0;
    for (const double v : values) variance += (v - mean) * (v - mean) / count;
    EXPECT_NEAR(statistics.mean[c], mean, 1e-7);
    EXPECT_NEAR(statistics.std[c], std::sqrt(variance), 1e-7);
  }
}

TEST(ChannelStatistics, AreOfTheChannelsOfTheNetwork) {
  const DatasetPtr grey = made_images();
  const ChannelStatistics one = channel_statistics(*grey, 1);
  const ChannelStatistics three = channel_statistics(*grey, 3);
  EXPECT_EQ(one.mean.size(), 1);
  EXPECT_EQ(three.mean, std::vector(3, one.mean[0]));
  EXPECT_EQ(three.std, std::vector(3, one.std[0]));
}

TEST(ChannelStatistics, LeaveOutBadImagesIfAsked) {
  const DatasetPtr data = made_images({.count = 4, .bad = {1, 2}});
  EXPECT_EQ(message_of([&] { static_cast<void>(channel_statistics(*data, 1)); }), "image 1 is bad");
  EXPECT_EQ(channel_statistics(*data, 1, BadImage::kSkip).mean,
            channel_statistics(*subset(made_images(), {0, 3}), 1).mean);
  const DatasetPtr none = made_images({.count = 1, .bad = {0}});
  EXPECT_THAT(message_of([&] { static_cast<void>(channel_statistics(*none, 1, BadImage::kSkip)); }),
              HasSubstr("none can be read"));
}

TEST(ChannelStatistics, OfEqualPixelsAreAnError) {
  const DatasetPtr one_pixel =
      made_images({.count = 1, .size = {.channels = 1, .height = 1, .width = 1}});
  EXPECT_THAT(message_of([&] { static_cast<void>(channel_statistics(*one_pixel, 1)); }),
              HasSubstr("all pixels of channel 0"));
  EXPECT_THAT(message_of([&] { static_cast<void>(channel_statistics(*one_pixel, 2)); }),
              HasSubstr("2 channels"));
}

TEST(ChannelStatistics, OfFashionMnistAreTheUsualOnes) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr);
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const DatasetPtr data = open_dataset("fashion-mnist", Split::kTraining);
  const ChannelStatistics statistics = channel_statistics(*data, 1);
  EXPECT_NEAR(statistics.mean[0], 0.2860, 5e-5);
  EXPECT_NEAR(statistics.std[0], 0.3530, 5e-5);
}

}  // namespace
}  // namespace equipoise::testing
