#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <thread>
#include <vector>

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
  const StatisticsOptions skipping{.bad_image = BadImage::kSkip};
  EXPECT_EQ(channel_statistics(*data, 1, skipping).mean,
            channel_statistics(*subset(made_images(), {0, 3}), 1).mean);
  const DatasetPtr none = made_images({.count = 1, .bad = {0}});
  EXPECT_THAT(message_of([&] { static_cast<void>(channel_statistics(*none, 1, skipping)); }),
              HasSubstr("none can be read"));
}

TEST(ChannelStatistics, AreTheSameForAnyNumberOfWorkers) {
  const DatasetPtr data = made_images({.count = 50, .bad = {7, 8}, .small = {3}});
  const StatisticsOptions alone{.bad_image = BadImage::kSkip};
  const ChannelStatistics expected = channel_statistics(*data, 3, alone);
  for (const int workers : {2, 5, 100}) {
    const ChannelStatistics statistics =
        channel_statistics(*data, 3, {.bad_image = BadImage::kSkip, .workers = workers});
    EXPECT_EQ(statistics.mean, expected.mean);
    EXPECT_EQ(statistics.std, expected.std);
  }
}

TEST(ChannelStatistics, AreReadByAllWorkersAtOnce) {
  const DatasetPtr slow = made_images({.count = 40, .delay = std::chrono::milliseconds(20)});
  const auto begin = std::chrono::steady_clock::now();
  static_cast<void>(channel_statistics(*slow, 1, {.workers = 10}));
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(400));  // of 800
}

TEST(ChannelStatistics, NameTheFirstBadImageForAnyNumberOfWorkers) {
  for (int round = 0; round < 20; ++round) {
    const DatasetPtr data =
        made_images({.count = 30, .bad = {11, 12, 13, 14}, .delay = std::chrono::milliseconds(1)});
    EXPECT_EQ(message_of([&] { static_cast<void>(channel_statistics(*data, 1, {.workers = 4})); }),
              "image 11 is bad");
  }
}

TEST(ChannelStatistics, TellTheCallersThreadHowFarTheyAre) {
  const DatasetPtr data = made_images({.count = 30, .delay = std::chrono::milliseconds(1)});
  std::vector<std::int64_t> told;
  const std::thread::id caller = std::this_thread::get_id();
  static_cast<void>(channel_statistics(*data, 1, {.workers = 3, .progress = [&](std::int64_t read) {
                                                    EXPECT_EQ(std::this_thread::get_id(), caller);
                                                    told.push_back(read);
                                                  }}));
  EXPECT_TRUE(std::ranges::is_sorted(told));
  EXPECT_GE(told.front(), 1);
  EXPECT_LE(told.back(), 30);
}

TEST(ChannelStatistics, WorkersOutOfRangeAreAnError) {
  for (const int workers : {0, 257}) {
    EXPECT_THAT(message_of([&] {
                  static_cast<void>(channel_statistics(*made_images(), 1, {.workers = workers}));
                }),
                HasSubstr(std::to_string(workers) + " threads"));
  }
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
