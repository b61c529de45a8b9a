#include "data/idx_folder.h"

#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "data/stored_dataset.h"
#include "equipoise/error.h"

namespace equipoise::data {
namespace {

using std::filesystem::path;

/// "train-images-idx3-ubyte"
std::string file_name(Split split, std::string_view what) {
  return fmt::format("{}-{}", split == Split::kTraining ? "train" : "t10k", what);
}

constexpr std::string_view kImages = "images-idx3-ubyte";
constexpr std::string_view kLabels = "labels-idx1-ubyte";

std::optional<path> find(const path& folder, Split split, std::string_view what) {
  std::string name = file_name(split, what);
  std::string dotted = name;
  dotted[dotted.find("-idx")] = '.';
  for (const std::string& candidate : {name, name + ".gz", dotted, dotted + ".gz"}) {
    if (std::filesystem::is_regular_file(folder / candidate)) return folder / candidate;
  }
  return std::nullopt;
}

ByteTensor read_labels(const path& file) {
  ByteTensor labels = read_idx(file);
  if (labels.shape.rank() != 1) {
    throw Error(
        fmt::format("'{}' has shape {}; labels are (N)", file.string(), to_string(labels.shape)));
  }
  return labels;
}

int count_classes(const std::vector<std::uint8_t>& labels) {
  return labels.empty() ? 0 : *std::ranges::max_element(labels) + 1;
}

DatasetPtr open(const path& folder, Split split) { return open_idx_folder(folder, split, {}); }

bool recognizes(const path& folder) {
  for (const Split split : {Split::kTraining, Split::kTest}) {
    for (const std::string_view what : {kImages, kLabels}) {
      if (find(folder, split, what)) return true;
    }
  }
  return false;
}

}  // namespace

const DatasetFormat kIdxFolder = {
    .name = "IDX",
    .files =
        "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte and "
        "t10k-labels-idx1-ubyte, each with or without .gz",
    .recognizes = recognizes,
    .open = open};

DatasetPtr open_idx_folder(const path& folder, Split split, std::vector<std::string> class_names) {
  if (split == Split::kValidation) return nullptr;
  const std::optional<path> image_file = find(folder, split, kImages);
  const std::optional<path> label_file = find(folder, split, kLabels);
  if (!image_file && !label_file) return nullptr;
  if (!image_file || !label_file) {
    throw Error(fmt::format("'{}' has no file '{}', with or without .gz", folder.string(),
                            file_name(split, image_file ? kLabels : kImages)));
  }

  const ByteTensor labels = read_labels(*label_file);
  ByteTensor images = read_idx(*image_file);
  const Shape& shape = images.shape;
  if (shape.rank() != 3) {
    throw Error(fmt::format("'{}' has shape {}; images are (N, H, W)", image_file->string(),
                            to_string(shape)));
  }
  if (labels.shape != Shape{shape[0]}) {
    throw Error(fmt::format("'{}' has shape {}, '{}' {}; there has to be one label per image",
                            label_file->string(), to_string(labels.shape), image_file->string(),
                            to_string(shape)));
  }
  constexpr std::int64_t kMostPixels = 1 << 16;
  if (shape[1] > kMostPixels || shape[2] > kMostPixels) {
    throw Error(fmt::format("'{}' has images of {} × {}; up to {} each way are read",
                            image_file->string(), shape[1], shape[2], kMostPixels));
  }

  if (class_names.empty()) {
    const std::optional<path> training = find(folder, Split::kTraining, kLabels);
    const bool is_own = split == Split::kTraining || !training;
    class_names =
        numbered_classes(count_classes(is_own ? labels.values : read_labels(*training).values));
  }
  return make_stored_dataset({.size = {.channels = 1,
                                       .height = static_cast<int>(shape[1]),
                                       .width = static_cast<int>(shape[2])},
                              .pixels = std::move(images.values),
                              .labels = {labels.values.begin(), labels.values.end()},
                              .class_names = std::move(class_names),
                              .files = {{.first = 0, .path = image_file->string()}}});
}

}  // namespace equipoise::data
