#include "equipoise/loader.h"

#include <algorithm>
#include <chrono>
#include <set>
#include <thread>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/made_batches.h"
#include "data/made_images.h"

namespace equipoise::testing {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAreArray;

const std::vector<std::int64_t> kTen = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};

std::vector<LoaderOptions> augmented() {
  return {
      {.augmentation = {.crop = Crop::kRandom, .padding = 2, .flip = 0.5},
       .batch_size = 3,
       .seed = 7},
      {.augmentation = {.crop = Crop::kRandomResized, .flip = 0.5}, .batch_size = 3, .seed = 7}};
}

TEST(Loader, MakesTheSameBatchesWithAnyNumberOfWorkers) {
  for (LoaderOptions options : augmented()) {
    options.workers = 1;
    Loader one(made_images({.count = 50}), Pass::kTraining, options);
    std::vector<std::vector<MadeBatch>> expected;
    for (int epoch = 0; epoch < 3; ++epoch) {
      one.start(epoch);
      expected.push_back(rest(one));
      EXPECT_THAT(expected.back(), SizeIs(17));
    }
    EXPECT_NE(expected[0], expected[1]);
    for (const int workers : {2, 4, 7}) {
      for (const int ahead : {0, 1, 5}) {
        options.workers = workers;
        options.ahead = ahead;
        Loader several(made_images({.count = 50}), Pass::kTraining, options);
        for (int epoch = 0; epoch < 3; ++epoch) {
          several.start(epoch);
          EXPECT_EQ(rest(several), expected[static_cast<std::size_t>(epoch)])
              << workers << " workers, " << ahead << " ahead, epoch " << epoch;
        }
      }
    }
  }
}

TEST(Loader, GoesOnFromAnyBatch) {
  for (const LoaderOptions& options : augmented()) {
    Loader loader(made_images({.count = 20}), Pass::kTraining, options);
    loader.start(4);
    const std::vector<MadeBatch> all = rest(loader);
    ASSERT_EQ(loader.batches(), 7);
    for (std::int64_t first = 0; first <= 7; ++first) {
      loader.start(5);  // something else in between, of which all or nothing is made
      loader.start(4, first);
      EXPECT_EQ(rest(loader), std::vector(all.begin() + first, all.end())) << first;
      EXPECT_FALSE(loader.next());
    }
  }
}

TEST(Loader, ShowsEveryImageOnceInAnEpoch) {
  Loader loader(made_images(), Pass::kTraining, {.batch_size = 4});
  std::set<std::vector<std::int64_t>> orders;
  for (int epoch = 0; epoch < 5; ++epoch) {
    loader.start(epoch);
    const std::vector<MadeBatch> batches = rest(loader);
    EXPECT_THAT(batches, SizeIs(3));
    EXPECT_THAT(indices(batches), UnorderedElementsAreArray(kTen));
    for (const MadeBatch& batch : batches) {
      for (std::size_t i = 0; i < batch.labels.size(); ++i) {
        EXPECT_EQ(batch.labels[i], batch.indices[i] % 3);
      }
    }
    orders.insert(indices(batches));
  }
  EXPECT_THAT(orders, SizeIs(5));

  Loader other(made_images(), Pass::kTraining, {.batch_size = 4, .seed = 1});
  EXPECT_FALSE(orders.contains(indices(rest(other))));
}

TEST(Loader, EvaluatesAllImagesInTheirOrderWithoutAugmentation) {
  for (const std::int64_t batch_size : {1, 3, 4, 10, 100}) {
    Loader plain(made_images(), Pass::kEvaluation, {.batch_size = batch_size});
    Loader augmented(made_images(), Pass::kEvaluation,
                     {.augmentation = {.crop = Crop::kRandom, .padding = 3, .flip = 1},
                      .batch_size = batch_size});
    const std::vector<MadeBatch> batches = rest(plain);
    EXPECT_EQ(indices(batches), kTen);
    EXPECT_EQ(batches, rest(augmented));
    EXPECT_EQ(plain.samples(), 10);
    EXPECT_EQ(plain.note(), "");
  }
}

TEST(Loader, NormalizesEachChannel) {
  const DatasetPtr data = made_images({.size = {.channels = 3, .height = 2, .width = 2}});
  Loader loader(data, Pass::kEvaluation,
                {.preprocessing = {.mean = {0.1F, 0.2F, 0.3F}, .std = {1, 2, 4}}});
  const MadeBatch batch = copy(*loader.next());
  const Image image = data->image(7);
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t p = 0; p < 4; ++p) {
      const double x = image.pixels[3 * p + c] / 255.0;
      EXPECT_NEAR(batch.images[(7 * 3 + c) * 4 + p],
                  (x - 0.1 * static_cast<double>(c + 1)) / static_cast<double>(1U << c), 1e-6);
    }
  }
}

TEST(Loader, LeavesOutALastBatchThatIsNotFullIfAsked) {
  Loader loader(made_images(), Pass::kEvaluation,
                {.batch_size = 4, .last_batch = LastBatch::kDrop});
  EXPECT_EQ(loader.batches(), 2);
  EXPECT_EQ(loader.samples(), 8);
  EXPECT_EQ(loader.note(), "2 of 10 images, which fill no batch of 4, are left out of each epoch");
  EXPECT_THAT(indices(rest(loader)), ElementsAre(0, 1, 2, 3, 4, 5, 6, 7));
}

TEST(Loader, LeavesOutALastBatchOfOneIfAsked) {
  EXPECT_EQ(Loader(made_images(), Pass::kTraining, {.batch_size = 3}).samples(), 10);
  Loader loader(made_images(), Pass::kTraining,
                {.batch_size = 3, .last_batch = LastBatch::kDropSingle});
  EXPECT_EQ(loader.batches(), 3);
  EXPECT_EQ(loader.samples(), 9);
  EXPECT_THAT(loader.note(), ::testing::HasSubstr("one of 10 images is left out"));
  std::set<std::int64_t> seen;
  for (int epoch = 0; epoch < 10; ++epoch) {
    loader.start(epoch);
    const std::vector<std::int64_t> shown = indices(rest(loader));
    EXPECT_THAT(shown, SizeIs(9));
    seen.insert(shown.begin(), shown.end());
  }
  EXPECT_THAT(seen, SizeIs(10));  // another one each time

  for (const std::int64_t batch : {1, 4}) {
    const Loader all(made_images(), Pass::kTraining,
                     {.batch_size = batch, .last_batch = LastBatch::kDropSingle});
    EXPECT_EQ(all.samples(), 10);
    EXPECT_EQ(all.note(), "");
  }
}

TEST(Loader, KeepsABatchUntilTheNextIsAskedFor) {
  for (const int ahead : {1, 4}) {
    Loader loader(made_images({.count = 40}), Pass::kTraining,
                  {.batch_size = 2, .workers = 3, .ahead = ahead});
    std::set<const void*> buffers;
    for (int epoch = 0; epoch < 2; ++epoch) {
      loader.start(epoch);
      while (const auto batch = loader.next()) {
        const MadeBatch before = copy(*batch);
        std::this_thread::sleep_for(milliseconds(1));
        EXPECT_EQ(copy(*batch), before);
        buffers.insert(batch->images.data);
      }
    }
    EXPECT_EQ(buffers.size(), ahead + 1);  // memory is used again
  }
}

TEST(Loader, MeasuresHowLongIsWaited) {
  Loader slow(made_images({.delay = milliseconds(5)}), Pass::kEvaluation,
              {.batch_size = 5, .workers = 1});
  EXPECT_EQ(slow.seconds_waited(), 0);
  static_cast<void>(slow.next());
  EXPECT_GE(slow.seconds_waited(), 0.02);
  const double before = slow.seconds_waited();
  std::this_thread::sleep_for(milliseconds(200));  // in which the other batch is made
  static_cast<void>(slow.next());
  EXPECT_LT(slow.seconds_waited() - before, 0.02);
}

TEST(Loader, EndsInTheMiddleOfABatch) {
  const auto begin = std::chrono::steady_clock::now();
  {
    Loader loader(made_images({.count = 3000, .delay = milliseconds(10)}), Pass::kTraining,
                  {.batch_size = 1000});
    loader.start(0);
    std::this_thread::sleep_for(milliseconds(50));
    loader.start(1);
  }
  { const Loader never_started(made_images(), Pass::kTraining, {}); }
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(5));  // of 10 per batch
}

}  // namespace
}  // namespace equipoise::testing
