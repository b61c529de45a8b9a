#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <filesystem>
#include <numeric>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "data/folder_test.h"
#include "equipoise/data.h"
#include "norm/error_message.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string be32(std::size_t value) {
  return {static_cast<char>(value >> 24U), static_cast<char>(value >> 16U),
          static_cast<char>(value >> 8U), static_cast<char>(value)};
}

std::string idx_labels(const std::string& labels) {
  return std::string("\0\0\x08\x01", 4) + be32(labels.size()) + labels;
}

std::string idx_images(std::size_t count, std::size_t height, std::size_t width) {
  std::string pixels(count * height * width, '\0');
  std::iota(pixels.begin(), pixels.end(), '\0');
  return std::string("\0\0\x08\x03", 4) + be32(count) + be32(height) + be32(width) + pixels;
}

class OpenDataset : public FolderTest {
 protected:
  DatasetPtr open(Split split, const DatasetOptions& options = {}) const {
    return open_dataset(folder_.string(), split, options);
  }
  std::string error_of(Split split, const DatasetOptions& options = {}) const {
    return message_of([&] { static_cast<void>(open(split, options)); });
  }
};

TEST_F(OpenDataset, ReadsFoldersOfIdxFiles) {
  write("train-images-idx3-ubyte", idx_images(3, 2, 3));
  write_compressed("train-labels-idx1-ubyte.gz", idx_labels({2, 0, 1}));
  const DatasetPtr data = open(Split::kTraining);
  EXPECT_EQ(data->size(), 3);
  EXPECT_THAT(data->class_names(), ElementsAre("0", "1", "2"));
  EXPECT_EQ(data->label(0), 2);
  EXPECT_EQ(data->image_size(), (ImageSize{.channels = 1, .height = 2, .width = 3}));
  const Image image = data->image(1);
  EXPECT_EQ(image.channels, 1);
  EXPECT_EQ(image.height, 2);
  EXPECT_EQ(image.width, 3);
  EXPECT_THAT(image.pixels, ElementsAre(6, 7, 8, 9, 10, 11));
  EXPECT_THAT(data->name(1), AllOf(HasSubstr("image 1 of"), HasSubstr("train-images-idx3-ubyte")));

  EXPECT_THAT(error_of(Split::kTest), HasSubstr("no test images"));
  write("t10k-images.idx3-ubyte", idx_images(1, 2, 3));
  EXPECT_THAT(error_of(Split::kTest), HasSubstr("no file 't10k-labels-idx1-ubyte'"));
  write("t10k-labels.idx1-ubyte", idx_labels({0}));
  EXPECT_EQ(open(Split::kTest)->class_names().size(), 3);
  write("t10k-labels.idx1-ubyte", idx_labels({3}));
  EXPECT_THAT(error_of(Split::kTest), HasSubstr("is of class 3; the 3 classes"));
}

TEST_F(OpenDataset, IdxFilesHaveToFitEachOther) {
  write("train-images-idx3-ubyte", idx_images(3, 1, 1));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("no file 'train-labels-idx1-ubyte'"));
  write("train-labels-idx1-ubyte", idx_labels({0, 1}));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("one label per image"));
  write("train-labels-idx1-ubyte", idx_images(3, 1, 1));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("labels are (N)"));
  write("train-labels-idx1-ubyte", idx_labels({0, 1, 1}));
  write("train-images-idx3-ubyte", idx_labels({0, 1, 1}));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("images are (N, H, W)"));
}

TEST_F(OpenDataset, ImagesOfNoPixelsNoImagesAndOneClassAreErrors) {
  write("train-images-idx3-ubyte", idx_images(2, 0, 3));
  write("train-labels-idx1-ubyte", idx_labels({0, 1}));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("no pixels: they are of 0 × 3 × 1"));
  write("train-images-idx3-ubyte", idx_images(2, 1, 1));
  write("train-labels-idx1-ubyte", idx_labels({0, 0}));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("has 1 class, '0'"));
  write("train-images-idx3-ubyte", idx_images(0, 1, 1));
  write("train-labels-idx1-ubyte", idx_labels({}));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("no training images"));
}

/// Pixel p of color c is 10·c + p mod 7, of image i shifted by i.
std::string cifar_record(const std::string& labels, std::size_t i) {
  std::string record = labels;
  for (std::size_t c = 0; c < 3; ++c) {
    for (std::size_t p = 0; p < 1024; ++p) {
      record.push_back(static_cast<char>(10 * c + p % 7 + i));
    }
  }
  return record;
}

class Cifar : public OpenDataset {
 protected:
  void write_cifar10() const {
    write("batches.meta.txt", "airplane\r\nautomobile\nbird\n\n");
    for (int file = 1; file <= 5; ++file) {
      write("data_batch_" + std::to_string(file) + ".bin",
            cifar_record({2}, 0) + cifar_record({1}, 100));
    }
    write("test_batch.bin", cifar_record({0}, 0));
  }
};

TEST_F(Cifar, ReadsTheBinaryVersionOf10Classes) {
  write_cifar10();
  const DatasetPtr data = open(Split::kTraining);
  EXPECT_EQ(data->size(), 10);
  EXPECT_THAT(data->class_names(), ElementsAre("airplane", "automobile", "bird"));
  EXPECT_EQ(data->label(8), 2);
  EXPECT_EQ(data->label(9), 1);
  EXPECT_EQ(data->image_size(), (ImageSize{.channels = 3, .height = 32, .width = 32}));
  const Image image = data->image(9);
  EXPECT_THAT(std::vector(image.pixels.begin() + 9, image.pixels.begin() + 15),
              ElementsAre(103, 113, 123, 104, 114, 124));
  EXPECT_THAT(data->name(9), AllOf(HasSubstr("image 1 of"), HasSubstr("data_batch_5.bin")));
  EXPECT_EQ(open(Split::kTest)->size(), 1);
}

TEST_F(Cifar, ReadsTheFineClassesOf100) {
  write("fine_label_names.txt", "apple\naquarium_fish\n");
  write("train.bin", cifar_record({19, 1}, 0));
  EXPECT_EQ(open(Split::kTraining)->label(0), 1);
  EXPECT_THAT(error_of(Split::kTest), HasSubstr("no test images"));
}

TEST_F(Cifar, FilesThatAreMissingCutOffOrTooLongAreErrors) {
  write_cifar10();
  const std::filesystem::path file = folder_ / "data_batch_3.bin";
  std::filesystem::remove(file);
  EXPECT_THAT(error_of(Split::kTraining), AllOf(HasSubstr("cannot open"), HasSubstr("_3.bin")));
  write("data_batch_3.bin", cifar_record({1}, 0).substr(0, 3000));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("after 3000 of the 3073 bytes of image 0"));
  write("data_batch_3.bin", cifar_record({1}, 0) + "x");
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("after 1 of the 3073 bytes of image 1"));
  write("data_batch_3.bin", cifar_record({3}, 0));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("is of class 3; the 3 classes"));
  std::filesystem::resize_file(file, std::uintmax_t{50001} * 3073);  // a hole; takes no disk
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("more than 50000 images"));
  std::filesystem::remove(folder_ / "batches.meta.txt");
  EXPECT_THAT(error_of(Split::kTest), HasSubstr("batches.meta.txt"));
}

TEST_F(OpenDataset, SaysWhatWouldBeAccepted) {
  const auto error = [](const std::string& name) {
    return message_of([&] { static_cast<void>(open_dataset(name, Split::kTraining)); });
  };
  EXPECT_THAT(error("fashion-mist"),
              AllOf(HasSubstr("did you mean 'fashion-mnist'"), HasSubstr("CIFAR-100")));
  write("cifar/train.bin", "");
  EXPECT_THAT(error((folder_ / "cifra").string()), HasSubstr("/cifar'?"));
  EXPECT_THAT(error((folder_ / "photos").string()), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("Did you mean '"));
  EXPECT_THAT(error((folder_ / "cifar/train.bin").string()), HasSubstr("is no folder"));
  write("data_batch_1", "");
  EXPECT_THAT(error_of(Split::kTraining), HasSubstr("Python version"));
}

class ValidationData : public OpenDataset {
 protected:
  ValidationData() {
    write("data/train-images-idx3-ubyte", idx_images(6, 1, 1));
    write("data/train-labels-idx1-ubyte", idx_labels({0, 1, 0, 1, 0, 1}));
    write("mine/train-images-idx3-ubyte", idx_images(2, 1, 1));
    write("mine/train-labels-idx1-ubyte", idx_labels({0, 1}));
  }
  TrainingData open_with(const std::string& validation_data) const {
    return open_training_data(
        (folder_ / "data").string(),
        {.validation_fraction = 0.5, .validation_data = (folder_ / validation_data).string()});
  }
};

TEST_F(ValidationData, IsTheValidationSetAndNothingIsHeldOut) {
  const auto [training, validation, is_held_out] = open_with("mine");
  EXPECT_FALSE(is_held_out);
  EXPECT_EQ(training->size(), 6);
  EXPECT_EQ(validation->size(), 2);
  EXPECT_THAT(validation->name(0), HasSubstr("mine/train-images"));
}

TEST_F(ValidationData, TakesTestImagesWhereThereAreSome) {
  write("mine/t10k-images-idx3-ubyte", idx_images(3, 1, 1));
  write("mine/t10k-labels-idx1-ubyte", idx_labels({0, 1, 1}));
  EXPECT_EQ(open_with("mine").validation->size(), 3);
}

TEST_F(ValidationData, TakesItsOwnValidationImagesBeforeAllOthers) {
  for (const std::string image : {"train/0/a", "val/0/b", "train/1/a", "test/0/c"}) {
    write("photos/" + image + ".pgm", "P5 1 1 255 x");
  }
  const DatasetPtr validation = open_with("photos").validation;
  EXPECT_EQ(validation->size(), 1);
  EXPECT_THAT(validation->name(0), HasSubstr("photos/val/0/b.pgm"));
}

TEST_F(ValidationData, IsOfTheSameClasses) {
  write("mine/train-labels-idx1-ubyte", idx_labels({0, 2}));
  EXPECT_THAT(
      message_of([&] { static_cast<void>(open_with("mine")); }),
      AllOf(HasSubstr("/mine' are of other classes (0, 1, 2)"), HasSubstr("/data' (0, 1)")));
  EXPECT_THAT(message_of([&] { static_cast<void>(open_with("absent")); }),
              HasSubstr("no folder '"));
}

class HoldOut : public OpenDataset {
 protected:
  /// 40 images of class 0, 20 of class 1, 3 of class 2, 1 of class 3.
  HoldOut() {
    const std::string labels =
        std::string(40, '\0') + std::string(20, '\1') + std::string(3, '\2') + '\3';
    write("train-images-idx3-ubyte", idx_images(labels.size(), 1, 1));
    write("train-labels-idx1-ubyte", idx_labels(labels));
  }
  static std::vector<int> values(const Dataset& data) {
    std::vector<int> values;
    for (std::int64_t i = 0; i < data.size(); ++i) values.push_back(data.image(i).pixels[0]);
    return values;
  }
  static std::vector<int> counts(const Dataset& data) {
    std::vector<int> counts(data.class_names().size());
    for (std::int64_t i = 0; i < data.size(); ++i) {
      ++counts[static_cast<std::size_t>(data.label(i))];
    }
    return counts;
  }
};

TEST_F(HoldOut, TakesTheSameShareOfEachClass) {
  const auto [training, validation, is_held_out] =
      open_training_data(folder_.string(), {.validation_fraction = 0.1, .seed = 5});
  EXPECT_TRUE(is_held_out);
  EXPECT_THAT(counts(*training), ElementsAre(36, 18, 2, 1));
  EXPECT_THAT(counts(*validation), ElementsAre(4, 2, 1, 0));
  std::vector<int> all = values(*training);
  const std::vector<int> held_out = values(*validation);
  all.insert(all.end(), held_out.begin(), held_out.end());
  std::ranges::sort(all);
  EXPECT_EQ(all, values(*open(Split::kTraining)));
  EXPECT_TRUE(std::ranges::is_sorted(held_out));
}

TEST_F(HoldOut, DependsOnTheSeedAlone) {
  const DatasetOptions options{.validation_fraction = 0.25, .seed = 1};
  const std::vector<int> held_out = values(*open(Split::kValidation, options));
  EXPECT_EQ(held_out, values(*open_training_data(folder_.string(), options).validation));
  EXPECT_NE(held_out, values(*open(Split::kValidation, {.validation_fraction = 0.25, .seed = 2})));
}

TEST_F(HoldOut, RefusesWhatCannotBeHeldOut) {
  EXPECT_THAT(error_of(Split::kValidation), HasSubstr("has no validation images"));
  EXPECT_EQ(open_training_data(folder_.string()).validation, nullptr);
  for (const double fraction : {-0.1, 1.0, std::nan("")}) {
    EXPECT_THAT(error_of(Split::kTraining, {.validation_fraction = fraction}),
                HasSubstr("at least 0 and less than 1"));
  }
  const DatasetPtr one_each = subset(open(Split::kTraining), {0, 40});
  EXPECT_THAT(message_of([&] { static_cast<void>(hold_out(one_each, 0.5)); }),
              HasSubstr("no class has two"));
}

TEST_F(HoldOut, SubsetsAreOfImagesThatThereAre) {
  const DatasetPtr data = open(Split::kTraining);
  const DatasetPtr part = subset(data, {63, 40, 0});
  EXPECT_THAT(values(*part), ElementsAre(63, 40, 0));
  EXPECT_EQ(part->label(0), 3);
  EXPECT_EQ(part->name(1), data->name(40));
  EXPECT_THAT(message_of([&] { static_cast<void>(subset(data, {64})); }),
              HasSubstr("has image 64; those of the data set are 0 to 63"));
  EXPECT_THAT(message_of([&] { static_cast<void>(subset(data, {})); }), HasSubstr("at least one"));
}

TEST(FashionMnist, IsThatOfItsPaper) {
  if (!std::filesystem::exists("/usr/share/datasets/fashion-mnist")) {
    ASSERT_EQ(std::getenv("EQUIPOISE_REQUIRE_ORACLES"), nullptr);
    GTEST_SKIP() << "dataset-fashion-mnist is not installed";
  }
  const DatasetPtr test = open_dataset("fashion-mnist", Split::kTest);
  EXPECT_EQ(test->image_size(), (ImageSize{.channels = 1, .height = 28, .width = 28}));
  std::vector<int> counts(10);
  for (std::int64_t i = 0; i < test->size(); ++i) {
    ++counts[static_cast<std::size_t>(test->label(i))];
  }
  EXPECT_EQ(counts, std::vector<int>(10, 1000));
  EXPECT_EQ(test->class_names()[9], "Ankle boot");
}

}  // namespace
}  // namespace equipoise::testing
