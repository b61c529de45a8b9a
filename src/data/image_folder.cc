#include "data/image_folder.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"

namespace equipoise::data {
namespace {

using std::filesystem::path;

constexpr std::string_view kTrain = "train";
constexpr std::array<std::string_view, 9> kEndings = {".jpg", ".jpeg", ".png", ".webp", ".bmp",
                                                      ".ppm", ".pgm",  ".pbm", ".pnm"};

bool is_hidden(const path& file) { return file.filename().string().starts_with('.'); }

/// By its name. Hidden ones are what other systems leave beside images.
bool is_image(const path& file) {
  std::string ending = file.extension().string();
  std::ranges::transform(ending, ending.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::ranges::find(kEndings, ending) != kEndings.end() && !is_hidden(file);
}

/// What stands in a folder, in the order of names.
struct Content {
  std::vector<path> folders;
  std::vector<path> images;
};

Content content_of(const path& folder) {
  Content content;
  std::error_code error;
  for (std::filesystem::directory_iterator entry(folder, error), end; !error && entry != end;
       entry.increment(error)) {
    std::error_code broken_link;
    if (is_hidden(entry->path())) continue;
    if (entry->is_directory(broken_link)) {
      content.folders.push_back(entry->path());
    } else if (is_image(entry->path())) {
      content.images.push_back(entry->path());
    }
  }
  if (error) {
    throw Error(fmt::format("cannot read folder '{}': {}", folder.string(), error.message()));
  }
  std::ranges::sort(content.folders);
  std::ranges::sort(content.images);
  return content;
}

/// Appends all images in a folder and the folders in it.
void find_images(const path& folder, int depth, std::vector<path>& images) {
  constexpr int kDeepest = 32;
  if (depth > kDeepest) {
    throw Error(
        fmt::format("'{}' is more than {} folders deep; does a link lead to a folder that "
                    "it stands in?",
                    folder.string(), kDeepest));
  }
  Content content = content_of(folder);
  images.insert(images.end(), std::move_iterator(content.images.begin()),
                std::move_iterator(content.images.end()));
  for (const path& inside : content.folders) find_images(inside, depth + 1, images);
}

/// Whether there is an image in the folder, or not much deeper.
bool holds_images(const path& folder, int depth = 0) {
  constexpr int kDeepest = 3;
  const Content content = content_of(folder);
  return !content.images.empty() ||
         (depth < kDeepest && std::ranges::any_of(content.folders, [&](const path& inside) {
            return holds_images(inside, depth + 1);
          }));
}

bool is_folder(const path& folder) {
  std::error_code ignored;
  return is_directory(folder, ignored);
}

/// Whether `train` is no class, which would hold images: there are trains in images, too.
bool has_splits(const path& folder) {
  if (!is_folder(folder / kTrain)) return false;
  const Content content = content_of(folder / kTrain);
  return !content.folders.empty() && content.images.empty();
}

/// Where the classes of a split are; empty if there is no such split.
path folder_of(const path& folder, Split split) {
  if (!has_splits(folder)) return split == Split::kTraining ? folder : path();
  std::vector<path> candidates;
  switch (split) {
    case Split::kTraining:
      return folder / kTrain;
    case Split::kValidation:
      candidates = {folder / "val", folder / "validation"};
      break;
    case Split::kTest:
      candidates = {folder / "test"};
      break;
  }
  const auto found = std::ranges::find_if(candidates, is_folder);
  return found == candidates.end() ? path() : *found;
}

std::vector<std::string> class_names_in(const path& folder) {
  std::vector<std::string> names;
  for (const path& one : content_of(folder).folders) names.push_back(one.filename().string());
  if (names.empty()) {
    throw Error(
        fmt::format("'{}' holds no folders; the images of each class lie in one named "
                    "after it",
                    folder.string()));
  }
  return names;
}

class ImageFolder final : public Dataset {
 public:
  explicit ImageFolder(std::vector<std::string> class_names)
      : class_names_(std::move(class_names)) {}

  void add(std::vector<path> images, std::int32_t label) {
    labels_.insert(labels_.end(), images.size(), label);
    images_.insert(images_.end(), std::move_iterator(images.begin()),
                   std::move_iterator(images.end()));
  }

  std::int64_t size() const override { return static_cast<std::int64_t>(labels_.size()); }
  const std::vector<std::string>& class_names() const override { return class_names_; }
  std::int32_t label(std::int64_t i) const override { return labels_[static_cast<std::size_t>(i)]; }
  Image image(std::int64_t i) const override { return read_image(at(i)); }
  std::string name(std::int64_t i) const override { return fmt::format("'{}'", at(i).string()); }
  std::optional<ImageSize> image_size() const override { return std::nullopt; }

 private:
  const path& at(std::int64_t i) const { return images_[static_cast<std::size_t>(i)]; }

  std::vector<std::string> class_names_;
  std::vector<path> images_;
  std::vector<std::int32_t> labels_;
};

DatasetPtr open(const path& folder, Split split) {
  const path own = folder_of(folder, split);
  if (own.empty()) return nullptr;
  const std::vector<std::string> classes = class_names_in(folder_of(folder, Split::kTraining));
  auto dataset = std::make_shared<ImageFolder>(classes);
  for (const std::string& name : class_names_in(own)) {
    const auto found = std::ranges::lower_bound(classes, name);
    if (found == classes.end() || *found != name) {
      throw Error(fmt::format("'{}' is no class of the training images in '{}'",
                              (own / name).string(), (folder / kTrain).string()));
    }
    std::vector<path> images;
    find_images(own / name, 0, images);
    if (images.empty() && split == Split::kTraining) {
      throw Error(fmt::format("'{}' holds no images ({}); remove it if it is no class",
                              (own / name).string(), fmt::join(kEndings, ", ")));
    }
    dataset->add(std::move(images), static_cast<std::int32_t>(found - classes.begin()));
  }
  return dataset;
}

bool recognizes(const path& folder) {
  return has_splits(folder) ||
         std::ranges::any_of(content_of(folder).folders,
                             [](const path& inside) { return holds_images(inside); });
}

}  // namespace

const DatasetFormat kImageFolder = {
    .name = "images",
    .files =
        "a folder of JPEG, PNG, WebP, BMP or PNM files per class, in train, val and test or "
        "without these",
    .recognizes = recognizes,
    .open = open};

}  // namespace equipoise::data
