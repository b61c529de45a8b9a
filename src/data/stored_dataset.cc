#include "data/stored_dataset.h"

#include <algorithm>
#include <memory>
#include <utility>

#include <fmt/format.h>

namespace equipoise::data {
namespace {

class StoredDataset final : public Dataset {
 public:
  explicit StoredDataset(StoredImages images) : images_(std::move(images)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.labels.size()); }
  const std::vector<std::string>& class_names() const override { return images_.class_names; }
  std::int32_t label(std::int64_t i) const override {
    return images_.labels[static_cast<std::size_t>(i)];
  }
  std::optional<ImageSize> image_size() const override { return images_.size; }

  Image image(std::int64_t i) const override {
    const auto& [channels, height, width] = images_.size;
    const std::int64_t count = std::int64_t{channels} * height * width;
    const auto first = images_.pixels.begin() + i * count;
    return {
        .width = width, .height = height, .channels = channels, .pixels = {first, first + count}};
  }

  std::string name(std::int64_t i) const override {
    const auto behind = std::ranges::upper_bound(images_.files, i, {}, &StoredImages::File::first);
    const StoredImages::File& file = *std::prev(behind);
    return fmt::format("image {} of '{}'", i - file.first, file.path);
  }

 private:
  StoredImages images_;
};

}  // namespace

DatasetPtr make_stored_dataset(StoredImages images) {
  return std::make_shared<StoredDataset>(std::move(images));
}

std::vector<std::string> numbered_classes(int count) {
  std::vector<std::string> names;
  names.reserve(static_cast<std::size_t>(count));
  for (int i = 0; i < count; ++i) names.push_back(std::to_string(i));
  return names;
}

}  // namespace equipoise::data
