#include "data/cifar.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <fstream>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "data/byte_reader.h"
#include "data/stored_dataset.h"
#include "equipoise/error.h"

namespace equipoise::data {
namespace {

using std::filesystem::path;

constexpr int kSide = 32;
constexpr std::size_t kPixels = std::size_t{kSide} * kSide;
constexpr std::size_t kColors = 3;

/// In what the two differ.
struct Version {
  std::span<const std::string_view> training;
  std::span<const std::string_view> test;
  std::string_view class_names;
  /// Bytes before the pixels; the last one is the label that counts.
  std::size_t label_bytes;
};

constexpr std::array<std::string_view, 5> kTrainingFiles10 = {
    "data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin",
    "data_batch_5.bin"};
constexpr std::array<std::string_view, 1> kTestFiles10 = {"test_batch.bin"};
constexpr std::array<std::string_view, 1> kTrainingFiles100 = {"train.bin"};
constexpr std::array<std::string_view, 1> kTestFiles100 = {"test.bin"};

constexpr Version kVersion10 = {.training = kTrainingFiles10,
                                .test = kTestFiles10,
                                .class_names = "batches.meta.txt",
                                .label_bytes = 1};
constexpr Version kVersion100 = {.training = kTrainingFiles100,
                                 .test = kTestFiles100,
                                 .class_names = "fine_label_names.txt",
                                 .label_bytes = 2};

std::span<const std::string_view> files_of(const Version& version, Split split) {
  if (split == Split::kTraining) return version.training;
  if (split == Split::kTest) return version.test;
  return {};
}

bool holds_one_of(const path& folder, std::span<const std::string_view> files) {
  return std::ranges::any_of(files,
                             [&](std::string_view file) { return is_regular_file(folder / file); });
}

bool holds(const path& folder, const Version& version) {
  return holds_one_of(folder, version.training) || holds_one_of(folder, version.test);
}

std::vector<std::string> read_class_names(const path& file) {
  std::ifstream stream(file);
  if (!stream) {
    throw Error(fmt::format("cannot open '{}', which holds the names of the classes, one a line",
                            file.string()));
  }
  constexpr std::size_t kMost = 256;  // a label is a byte
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    while (!line.empty() && std::isspace(static_cast<unsigned char>(line.back()))) line.pop_back();
    if (!line.empty()) names.push_back(std::move(line));
    if (names.size() > kMost) {
      throw Error(fmt::format("'{}' has more than {} lines; it names a class in each",
                              file.string(), kMost));
    }
  }
  return names;
}

/// Appends the images of a file.
void read_images(const path& file, std::size_t label_bytes, StoredImages& images) {
  constexpr std::int64_t kMost = 50000;  // in the largest file
  ByteReader reader(file);
  const auto first = static_cast<std::int64_t>(images.labels.size());
  images.files.push_back({.first = first, .path = file.string()});
  std::vector<std::uint8_t> record(label_bytes + kColors * kPixels);
  for (std::int64_t i = 0;; ++i) {
    const std::size_t got = reader.read(record);
    if (got == 0) break;
    if (got < record.size()) {
      reader.fail(
          fmt::format("it ends after {} of the {} bytes of image {}; copy or download it "
                      "again",
                      got, record.size(), i));
    }
    if (i == kMost) {
      reader.fail(fmt::format("it has more than {} images, the most of a CIFAR file", kMost));
    }
    images.labels.push_back(record[label_bytes - 1]);
    const std::uint8_t* planes = record.data() + label_bytes;
    for (std::size_t p = 0; p < kPixels; ++p) {
      for (std::size_t c = 0; c < kColors; ++c) images.pixels.push_back(planes[c * kPixels + p]);
    }
  }
}

DatasetPtr open(const path& folder, Split split, const Version& version) {
  const std::span<const std::string_view> files = files_of(version, split);
  if (!holds_one_of(folder, files)) return nullptr;
  StoredImages images;
  images.size = {.channels = kColors, .height = kSide, .width = kSide};
  images.class_names = read_class_names(folder / version.class_names);
  for (const std::string_view file : files) read_images(folder / file, version.label_bytes, images);
  return make_stored_dataset(std::move(images));
}

}  // namespace

const DatasetFormat kCifar10 = {
    .name = "CIFAR-10",
    .files = "data_batch_1.bin … data_batch_5.bin, test_batch.bin and batches.meta.txt",
    .recognizes = [](const path& folder) { return holds(folder, kVersion10); },
    .open = [](const path& folder, Split split) { return open(folder, split, kVersion10); }};

const DatasetFormat kCifar100 = {
    .name = "CIFAR-100",
    .files = "train.bin, test.bin and fine_label_names.txt",
    .recognizes = [](const path& folder) { return holds(folder, kVersion100); },
    .open = [](const path& folder, Split split) { return open(folder, split, kVersion100); }};

}  // namespace equipoise::data
