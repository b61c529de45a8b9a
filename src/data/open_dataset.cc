#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "data/format.h"
#include "data/idx_folder.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise {
namespace {

using data::DatasetFormat;
using std::filesystem::path;

constexpr std::string_view kFashionMnist = "fashion-mnist";
constexpr std::string_view kFashionMnistFolder = "/usr/share/datasets/fashion-mnist";

/// Where a data set is, and how it is read.
struct Source {
  std::string name;
  path folder;
  DatasetPtr (*open)(const path& folder, Split split);
};

DatasetPtr open_fashion_mnist(const path& folder, Split split) {
  return data::open_idx_folder(folder, split,
                               {"T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal",
                                "Shirt", "Sneaker", "Bag", "Ankle boot"});
}

const DatasetFormat* format_of(const path& folder) {
  for (const DatasetFormat& format : data::dataset_formats()) {
    if (format.recognizes(folder)) return &format;
  }
  return nullptr;
}

/// What `open_dataset` accepts, behind ": ".
std::string accepted() {
  std::string text = fmt::format("{} (Debian package dataset-fashion-mnist)", kFashionMnist);
  for (const DatasetFormat& format : data::dataset_formats()) {
    text += fmt::format("; a folder of {} ({})", format.name, format.files);
  }
  return text;
}

std::vector<path> folders_in(const path& folder) {
  constexpr std::size_t kMost = 1000;
  std::vector<path> folders;
  std::error_code ignored;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ignored)) {
    if (folders.size() == kMost) break;
    if (entry.is_directory(ignored)) folders.push_back(entry.path());
  }
  std::ranges::sort(folders);
  return folders;
}

/// Whether one of two words may be meant by the other.
bool is_near(const std::string& word, const std::string& other) {
  const std::array<std::string_view, 1> names = {other};
  return !did_you_mean(word, names).empty();
}

[[noreturn]] void fail_absent(const std::string& name) {
  const path wanted = path(name).has_filename() ? path(name) : path(name).parent_path();
  const path parent = wanted.parent_path();
  std::vector<std::string> names;
  if (parent.empty()) names.emplace_back(kFashionMnist);
  for (const path& folder : folders_in(parent.empty() ? "." : parent)) {
    // By the last part alone: long paths of one folder are all near each other.
    if (is_near(wanted.filename().string(), folder.filename().string())) {
      names.push_back((parent / folder.filename()).string());
    }
  }
  const std::vector<std::string_view> views(names.begin(), names.end());
  throw Error(fmt::format("there is no data set and no folder '{}'{} What can be read: {}", name,
                          did_you_mean(name, views).empty() ? "." : did_you_mean(name, views),
                          accepted()));
}

[[noreturn]] void fail_unrecognized(const path& folder) {
  std::string hint;
  for (const path& inside : folders_in(folder)) {
    if (format_of(inside) != nullptr) {
      hint = fmt::format(" Did you mean '{}'?", inside.string());
      break;
    }
  }
  for (const std::string_view file : {"data_batch_1", "test_batch", "train", "test"}) {
    if (is_regular_file(folder / file)) {
      hint = fmt::format(
          " '{}' looks like the Python version of CIFAR; the binary version can be "
          "read.",
          file);
      break;
    }
  }
  throw Error(fmt::format("'{}' holds no data set that can be read.{} What can be read: {}",
                          folder.string(), hint, accepted()));
}

Source find_source(const std::string& name) {
  const path folder = name == kFashionMnist ? path(kFashionMnistFolder) : path(name);
  std::error_code ignored;
  if (name == kFashionMnist && !is_directory(folder, ignored)) {
    throw Error(
        fmt::format("data set '{}' is not installed ('{}' is missing); install it: apt "
                    "install dataset-fashion-mnist",
                    name, kFashionMnistFolder));
  }
  if (!exists(folder, ignored)) fail_absent(name);
  if (!is_directory(folder, ignored)) {
    throw Error(
        fmt::format("'{}' is no folder; a data set is given as the folder with its files, "
                    "unpacked",
                    name));
  }
  if (equivalent(folder, kFashionMnistFolder, ignored)) {
    return {.name = name, .folder = folder, .open = open_fashion_mnist};
  }
  const DatasetFormat* format = format_of(folder);
  if (format == nullptr) fail_unrecognized(folder);
  return {.name = name, .folder = folder, .open = format->open};
}

void check(const Dataset& dataset, const std::string& name, Split split) {
  if (dataset.size() == 0) {
    throw Error(fmt::format("data set '{}' has no {} images", name, to_string(split)));
  }
  const std::vector<std::string>& classes = dataset.class_names();
  if (classes.size() < 2) {
    throw Error(fmt::format("data set '{}' has {} class{}; to tell classes apart takes two or more",
                            name, classes.size(),
                            classes.empty() ? "es" : fmt::format(", '{}'", classes[0])));
  }
  const std::optional<ImageSize> size = dataset.image_size();
  if (size && (size->height == 0 || size->width == 0)) {
    throw Error(fmt::format("the {} images of data set '{}' have no pixels: they are of {}",
                            to_string(split), name, to_string(*size)));
  }
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    const std::int32_t label = dataset.label(i);
    if (label < 0 || static_cast<std::size_t>(label) >= classes.size()) {
      throw Error(fmt::format("{} is of class {}; the {} classes of the data set are 0 to {}",
                              dataset.name(i), label, classes.size(), classes.size() - 1));
    }
  }
}

/// Null where the source has no such split.
DatasetPtr open_if_there(const Source& source, Split split) {
  DatasetPtr dataset = source.open(source.folder, split);
  if (dataset) check(*dataset, source.name, split);
  return dataset;
}

DatasetPtr open_required(const Source& source, Split split) {
  DatasetPtr dataset = open_if_there(source, split);
  if (!dataset) {
    throw Error(fmt::format("data set '{}' has no {} images", source.name, to_string(split)));
  }
  return dataset;
}

/// The first of two splits that is there, or else all images.
EvaluationData open_first(const Source& source, Split first, Split second) {
  for (const Split split : {first, second}) {
    if (DatasetPtr images = open_if_there(source, split)) {
      return {.images = std::move(images), .split = split};
    }
  }
  return {.images = open_required(source, Split::kTraining), .split = Split::kTraining};
}

TrainingData open_both(const Source& source, const DatasetOptions& options) {
  DatasetPtr training = open_required(source, Split::kTraining);
  const bool is_given = !options.validation_data.empty();
  const Source other = is_given ? find_source(options.validation_data) : source;
  DatasetPtr validation = is_given ? open_first(other, Split::kValidation, Split::kTest).images
                                   : open_if_there(source, Split::kValidation);
  if (!validation) {
    return hold_out(std::move(training), options.validation_fraction, options.seed);
  }
  if (validation->class_names() != training->class_names()) {
    throw Error(fmt::format(
        "the validation images of '{}' are of other classes ({}) than the training images of '{}' "
        "({})",
        other.name, fmt::join(validation->class_names(), ", "), source.name,
        fmt::join(training->class_names(), ", ")));
  }
  return {.training = std::move(training), .validation = std::move(validation)};
}

}  // namespace

std::string to_string(const ImageSize& size) {
  return fmt::format("{} × {} × {}", size.height, size.width, size.channels);
}

const char* to_string(Split split) {
  switch (split) {
    case Split::kTraining:
      return "training";
    case Split::kValidation:
      return "validation";
    case Split::kTest:
      return "test";
  }
  return "?";
}

TrainingData open_training_data(const std::string& name_or_path, const DatasetOptions& options) {
  return open_both(find_source(name_or_path), options);
}

EvaluationData open_evaluation_data(const std::string& name_or_path) {
  return open_first(find_source(name_or_path), Split::kTest, Split::kValidation);
}

DatasetPtr open_dataset(const std::string& name_or_path, Split split,
                        const DatasetOptions& options) {
  const Source source = find_source(name_or_path);
  if (split == Split::kTest) return open_required(source, split);
  TrainingData both = open_both(source, options);
  if (split == Split::kTraining) return std::move(both.training);
  if (!both.validation) {
    throw Error(
        fmt::format("data set '{}' has no validation images; give the share of the "
                    "training images that is held out for it",
                    name_or_path));
  }
  return std::move(both.validation);
}

}  // namespace equipoise
