#include <algorithm>
#include <limits>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/made_batches.h"
#include "data/made_images.h"
#include "equipoise/loader.h"
#include "norm/error_message.h"

namespace equipoise::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

TEST(LoaderErrors, ReachTheCallerWithTheNameOfTheImage) {
  for (const int workers : {1, 3}) {
    Loader loader(made_images({.bad = {7}}), Pass::kEvaluation,
                  {.batch_size = 2, .workers = workers});
    for (int i = 0; i < 3; ++i) EXPECT_TRUE(loader.next());
    for (int i = 0; i < 2; ++i) {
      EXPECT_EQ(message_of([&] { static_cast<void>(loader.next()); }), "image 7 is bad");
    }
    loader.start(0, 4);
    EXPECT_THAT(rest(loader), SizeIs(1));
  }
}

TEST(LoaderErrors, NameImagesThatAreTooSmall) {
  Loader loader(made_images({.small = {3}}), Pass::kEvaluation,
                {.preprocessing = {.height = 4, .width = 6}});
  EXPECT_THAT(message_of([&] { static_cast<void>(loader.next()); }),
              HasSubstr("image 3: 6 × 4 pixels cannot be cut out of 1 × 1"));
}

TEST(LoaderErrors, BadImagesAreReplacedInTraining) {
  const LoaderOptions options{.augmentation = {.crop = Crop::kRandom, .padding = 2},
                              .batch_size = 4,
                              .bad_image = BadImage::kSkip};
  const DatasetPtr data = made_images({.count = 20, .bad = {4, 5, 19}});
  Loader loader(data, Pass::kTraining, options);
  Loader good(made_images({.count = 20}), Pass::kTraining, options);
  const std::vector<std::int64_t> shown = indices(rest(loader));
  std::vector<std::int64_t> expected = indices(rest(good));
  std::ranges::replace(expected, 4, 6);
  std::ranges::replace(expected, 5, 6);
  std::ranges::replace(expected, 19, 0);
  EXPECT_EQ(shown, expected);

  const std::vector<SkippedImage> skipped = loader.skipped();
  ASSERT_THAT(skipped, SizeIs(3));
  EXPECT_EQ(skipped[1].index, 5);
  EXPECT_EQ(skipped[1].name, "image 5");
  EXPECT_EQ(skipped[1].reason, "image 5 is bad");
  loader.start(1);
  static_cast<void>(rest(loader));
  EXPECT_THAT(loader.skipped(), SizeIs(3));  // each once
}

TEST(LoaderErrors, ReplacementsAreTheSameWithAnyNumberOfWorkers) {
  LoaderOptions options{.augmentation = {.crop = Crop::kRandom, .padding = 2, .flip = 0.5},
                        .batch_size = 3,
                        .bad_image = BadImage::kSkip,
                        .workers = 1};
  const DatasetPtr data = made_images({.count = 30, .bad = {0, 1, 2, 15, 29}});
  Loader one(data, Pass::kTraining, options);
  options.workers = 4;
  Loader four(data, Pass::kTraining, options);
  EXPECT_EQ(rest(one), rest(four));
}

TEST(LoaderErrors, BadImagesAreLeftOutOfEvaluation) {
  Loader loader(made_images({.bad = {1, 4, 5}}), Pass::kEvaluation,
                {.batch_size = 2, .bad_image = BadImage::kSkip});
  const std::vector<MadeBatch> batches = rest(loader);
  ASSERT_THAT(batches, SizeIs(4));  // of batch 2 nothing is left
  EXPECT_THAT(batches[0].indices, ElementsAre(0));
  EXPECT_THAT(batches[0].images, SizeIs(72));
  EXPECT_EQ(batches[2].number, 3);
  EXPECT_THAT(indices(batches), ElementsAre(0, 2, 3, 6, 7, 8, 9));
  EXPECT_THAT(loader.skipped(), SizeIs(3));
}

TEST(LoaderErrors, NoGoodImageAtAllIsAnError) {
  Loader loader(made_images({.count = 3, .bad = {0, 1, 2}}), Pass::kTraining,
                {.bad_image = BadImage::kSkip});
  EXPECT_THAT(message_of([&] { static_cast<void>(loader.next()); }),
              HasSubstr("none of the 3 images can be used; the first: image"));
}

TEST(LoaderErrors, OptionsThatMakeNoSense) {
  const auto error = [](const LoaderOptions& options, const MadeImages::Options& images = {}) {
    return message_of([&] { const Loader loader(made_images(images), Pass::kTraining, options); });
  };
  EXPECT_THAT(error({.batch_size = 0}), HasSubstr("batches of 0 images"));
  EXPECT_THAT(error({.workers = 0}), HasSubstr("0 threads"));
  EXPECT_THAT(error({.workers = 257}), HasSubstr("257 threads"));
  EXPECT_THAT(error({.ahead = -1}), HasSubstr("-1 batches"));
  EXPECT_THAT(error({.last_batch = LastBatch::kDrop}), HasSubstr("make batches smaller"));
  EXPECT_THAT(error({.last_batch = LastBatch::kDropSingle}, {.count = 1}),
              HasSubstr("alone in its batch"));
  EXPECT_EQ(error({.batch_size = std::numeric_limits<std::int64_t>::max()}), "no error");
  EXPECT_THAT(error({.preprocessing = {.height = 30000, .width = 30000},
                     .augmentation = {.crop = Crop::kRandomResized},
                     .batch_size = 1000},
                    {.count = 100000}),
              HasSubstr("do not fit the memory"));

  EXPECT_THAT(error({.preprocessing = {.height = 4}}), HasSubstr("give both"));
  EXPECT_THAT(error({.preprocessing = {.channels = 2}}), HasSubstr("2 channels"));
  EXPECT_THAT(error({.preprocessing = {.channels = -1}}), HasSubstr("1 or 3"));
  EXPECT_THAT(error({.preprocessing = {.height = -4, .width = -4}}), HasSubstr("-4 × -4"));
  EXPECT_THAT(error({.preprocessing = {.resize = 8}}), HasSubstr("images are resized; give"));
  EXPECT_THAT(error({}, {.small = {3}}), HasSubstr("images are of different sizes; give"));
  EXPECT_THAT(error({.preprocessing = {.mean = {0}}}), HasSubstr("means"));
  EXPECT_THAT(error({.preprocessing = {.height = 5, .width = 5}}), HasSubstr("cannot be cut out"));

  EXPECT_THAT(error({.augmentation = {.flip = 1.5}}), HasSubstr("from 0 to 1"));
  EXPECT_THAT(error({.augmentation = {.padding = 2}}), HasSubstr("random crops"));
  EXPECT_THAT(error({.augmentation = {.crop = Crop::kRandom, .padding = -2}}), HasSubstr("-2"));
  EXPECT_THAT(error({.preprocessing = {.height = 8, .width = 12},
                     .augmentation = {.crop = Crop::kRandom, .padding = 1}}),
              HasSubstr("12 × 8 pixels cannot be cut out of 6 × 4 with 1 around"));
  EXPECT_THAT(error({.augmentation = {.crop = Crop::kRandomResized, .area = {0, 1}}}),
              HasSubstr("shares of the area from 0 to 1"));
  EXPECT_THAT(error({.augmentation = {.crop = Crop::kRandomResized, .area = {0.1, 1.1}}}),
              HasSubstr("at most 1"));
  EXPECT_THAT(error({.augmentation = {.crop = Crop::kRandomResized, .ratio = {2, 1}}}),
              HasSubstr("in this order"));
}

TEST(LoaderErrors, BatchesThatAreNotThere) {
  Loader loader(made_images(), Pass::kTraining, {.batch_size = 5});
  EXPECT_THAT(message_of([&] { loader.start(-1); }), HasSubstr("epoch -1"));
  EXPECT_THAT(message_of([&] { loader.start(0, -1); }), HasSubstr("batch -1"));
  EXPECT_THAT(message_of([&] { loader.start(0, 3); }), HasSubstr("batch 3 of epoch 0"));
  loader.start(0, 2);
  EXPECT_FALSE(loader.next());
}

}  // namespace
}  // namespace equipoise::testing
