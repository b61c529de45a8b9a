#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/folder_test.h"
#include "data/made_batches.h"
#include "equipoise/data.h"
#include "equipoise/loader.h"
#include "norm/error_message.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// A grey image of 2 × 1 pixels.
std::string grey(char value) { return std::string("P5 2 1 255\n") + value + value; }
/// A color image of 1 × 1 pixels.
std::string color(char red) { return std::string("P6 1 1 255\n") + red + "\1\2"; }

class ImageFolder : public FolderTest {
 protected:
  DatasetPtr open(Split split, const DatasetOptions& options = {}) const {
    return open_dataset(folder_.string(), split, options);
  }
  std::string error_of(Split split) const {
    return message_of([&] { static_cast<void>(open(split)); });
  }
  static std::vector<int> labels(const Dataset& data) {
    std::vector<int> labels;
    for (std::int64_t i = 0; i < data.size(); ++i) labels.push_back(data.label(i));
    return labels;
  }
};

TEST_F(ImageFolder, ClassesAndImagesAreInTheOrderOfTheirNames) {
  write("dog/b.pgm", grey(10));
  write("dog/a.PPM", color(20));
  write("cat/2021/deep/z.pgm", grey(30));
  write("cat/10.pgm", grey(40));
  write("Ant/1.pnm", grey(50));
  const DatasetPtr data = open(Split::kTraining);
  EXPECT_THAT(data->class_names(), ElementsAre("Ant", "cat", "dog"));
  EXPECT_THAT(labels(*data), ElementsAre(0, 1, 1, 2, 2));
  std::vector<int> first;
  for (std::int64_t i = 0; i < 5; ++i) first.push_back(data->image(i).pixels[0]);
  EXPECT_THAT(first, ElementsAre(50, 40, 30, 20, 10));
  EXPECT_EQ(data->image(3).channels, 3);
  EXPECT_EQ(data->image(4).width, 2);
  EXPECT_EQ(data->name(2), "'" + (folder_ / "cat/2021/deep/z.pgm").string() + "'");
  EXPECT_EQ(data->image_size(), std::nullopt);
}

TEST_F(ImageFolder, WhatIsNoImageIsLeftAlone) {
  write("cat/1.pgm", grey(1));
  write("cat/Thumbs.db", "x");
  write("cat/._1.pgm", "x");
  write("dog/1.pgm", grey(1));
  write(".git/1.pgm", "x");
  write("list.txt", "x");
  const DatasetPtr data = open(Split::kTraining);
  EXPECT_THAT(data->class_names(), ElementsAre("cat", "dog"));
  EXPECT_EQ(data->size(), 2);
}

TEST_F(ImageFolder, FoldersOfSplitsAreUsed) {
  for (const std::string split : {"train", "val", "test"}) {
    write(split + "/b/1.pgm", grey(1));
    if (split != "val") write(split + "/a/1.pgm", grey(2));
  }
  const auto [training, validation, is_held_out] =
      open_training_data(folder_.string(), {.validation_fraction = 0.5});
  EXPECT_FALSE(is_held_out);
  EXPECT_THAT(labels(*training), ElementsAre(0, 1));
  EXPECT_THAT(labels(*validation), ElementsAre(1));  // as in training
  EXPECT_THAT(validation->class_names(), ElementsAre("a", "b"));
  EXPECT_EQ(open(Split::kTest)->size(), 2);
  EXPECT_EQ(open_evaluation_data(folder_.string()).split, Split::kTest);
  std::filesystem::rename(folder_ / "test", folder_ / ".hidden");
  EXPECT_EQ(open_evaluation_data(folder_.string()).split, Split::kValidation);
  std::filesystem::rename(folder_ / ".hidden", folder_ / "test");

  write("test/c/1.pgm", grey(1));
  EXPECT_THAT(error_of(Split::kTest), AllOf(HasSubstr("test/c'"), HasSubstr("is no class")));
  std::filesystem::rename(folder_ / "val", folder_ / "validation");
  EXPECT_EQ(open(Split::kValidation)->size(), 1);
  std::filesystem::rename(folder_ / "validation", folder_ / "other");
  EXPECT_THAT(error_of(Split::kValidation), HasSubstr("no validation images"));
}

TEST_F(ImageFolder, OfClassesAloneIsOfTrainingImages) {
  for (const std::string name : {"train", "bus"}) {
    for (const std::string image : {"1", "2", "3", "4"}) {
      write(name + "/" + image + ".pgm", grey(1));
    }
  }
  EXPECT_THAT(open(Split::kTraining)->class_names(), ElementsAre("bus", "train"));
  EXPECT_THAT(labels(*open(Split::kValidation, {.validation_fraction = 0.25})), ElementsAre(0, 1));
  EXPECT_THAT(error_of(Split::kTest), HasSubstr("no test images"));
  const auto [images, split] = open_evaluation_data(folder_.string());
  EXPECT_EQ(split, Split::kTraining);
  EXPECT_EQ(images->size(), 8);
}

TEST_F(ImageFolder, WhatIsMissingIsNamed) {
  write("cat/1.pgm", grey(1));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("has 1 class, 'cat'"));
  std::filesystem::create_directories(folder_ / "dog");
  EXPECT_THAT(error_of(Split::kTraining), AllOf(HasSubstr("/dog' holds no images (.jpg, .jpeg")));

  const std::filesystem::path test = write("split/test/1.pgm", grey(1)).parent_path();
  write("split/train/cat/1.pgm", grey(1));
  write("split/train/dog/1.pgm", grey(1));
  EXPECT_THAT(message_of([&] {
                static_cast<void>(open_dataset((folder_ / "split").string(), Split::kTest));
              }),
              HasSubstr("'" + test.string() + "' holds no folders"));
}

TEST_F(ImageFolder, ImagesWithoutFoldersAreNoDataSet) {
  write("1.pgm", grey(1));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("holds no data set that can be read"));
}

TEST_F(ImageFolder, LinksAreFollowedButNotInCircles) {
  const std::filesystem::path elsewhere = write("elsewhere/cat/1.pgm", grey(1)).parent_path();
  write("data/dog/1.pgm", grey(1));
  std::filesystem::create_directory_symlink(elsewhere, folder_ / "data/cat");
  std::filesystem::create_symlink(folder_ / "nowhere", folder_ / "data/dog/2");
  const auto open_data = [&] {
    return open_dataset((folder_ / "data").string(), Split::kTraining);
  };
  EXPECT_THAT(labels(*open_data()), ElementsAre(0, 1));
  std::filesystem::create_directory_symlink(folder_ / "data/dog", folder_ / "data/dog/loop");
  EXPECT_THAT(message_of([&] { static_cast<void>(open_data()); }), HasSubstr("does a link lead"));
}

TEST_F(ImageFolder, ABrokenFileIsSkippedOrFatal) {
  write("cat/1.pgm", grey(1));
  write("cat/2.jpg", "no JPEG");
  write("cat/3.png", "");
  write("dog/4.pgm", grey(4));
  LoaderOptions options{.preprocessing = {.channels = 1, .height = 1, .width = 2}};
  Loader fatal(open(Split::kTraining), Pass::kEvaluation, options);
  EXPECT_THAT(message_of([&] { static_cast<void>(fatal.next()); }), HasSubstr("cat/2.jpg"));
  options.bad_image = BadImage::kSkip;
  Loader skipping(open(Split::kTraining), Pass::kEvaluation, options);
  EXPECT_THAT(indices(rest(skipping)), ElementsAre(0, 3));
  ASSERT_THAT(skipping.skipped(), SizeIs(2));
  EXPECT_THAT(skipping.skipped()[1].name, HasSubstr("cat/3.png"));
}

}  // namespace
}  // namespace equipoise::testing
