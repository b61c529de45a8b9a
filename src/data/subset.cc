#include <algorithm>
#include <cmath>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "data/permutation.h"
#include "equipoise/data.h"
#include "equipoise/error.h"

namespace equipoise {
namespace {

class Subset final : public Dataset {
 public:
  Subset(DatasetPtr dataset, std::vector<std::int64_t> images)
      : dataset_(std::move(dataset)), images_(std::move(images)) {}

  std::int64_t size() const override { return static_cast<std::int64_t>(images_.size()); }
  const std::vector<std::string>& class_names() const override { return dataset_->class_names(); }
  std::int32_t label(std::int64_t i) const override { return dataset_->label(at(i)); }
  Image image(std::int64_t i) const override { return dataset_->image(at(i)); }
  std::string name(std::int64_t i) const override { return dataset_->name(at(i)); }
  std::optional<ImageSize> image_size() const override { return dataset_->image_size(); }

 private:
  std::int64_t at(std::int64_t i) const { return images_[static_cast<std::size_t>(i)]; }

  DatasetPtr dataset_;
  std::vector<std::int64_t> images_;
};

/// Of n images of a class.
std::size_t count_held_out(std::size_t n, double fraction) {
  if (n < 2) return 0;
  const auto rounded = static_cast<std::size_t>(std::llround(fraction * static_cast<double>(n)));
  return std::clamp(rounded, std::size_t{1}, n - 1);
}

}  // namespace

DatasetPtr subset(DatasetPtr dataset, std::vector<std::int64_t> images) {
  if (images.empty()) throw Error("a subset of a data set needs at least one image");
  for (const std::int64_t i : images) {
    if (i < 0 || i >= dataset->size()) {
      throw Error(fmt::format("a subset has image {}; those of the data set are 0 to {}", i,
                              dataset->size() - 1));
    }
  }
  return std::make_shared<Subset>(std::move(dataset), std::move(images));
}

TrainingData hold_out(DatasetPtr dataset, double fraction, std::uint64_t seed) {
  if (!(fraction >= 0 && fraction < 1)) {
    throw Error(
        fmt::format("the share of images held out for validation is {}; it is at least 0 "
                    "and less than 1",
                    fraction));
  }
  if (fraction == 0) return {.training = std::move(dataset), .validation = nullptr};

  std::vector<std::vector<std::int64_t>> classes(dataset->class_names().size());
  for (std::int64_t i = 0; i < dataset->size(); ++i) {
    classes[static_cast<std::size_t>(dataset->label(i))].push_back(i);
  }
  const std::uint64_t key = seed ^ name_key("hold out");
  std::vector<std::int64_t> training;
  std::vector<std::int64_t> validation;
  for (std::size_t c = 0; c < classes.size(); ++c) {
    const std::span<std::int64_t> images = classes[c];
    data::shuffle(images, step_key(key, c));
    const auto held_out = images.first(count_held_out(images.size(), fraction));
    validation.insert(validation.end(), held_out.begin(), held_out.end());
    training.insert(training.end(), held_out.end(), images.end());
  }
  if (validation.empty()) {
    throw Error("no image can be held out for validation: no class has two");
  }
  std::ranges::sort(training);
  std::ranges::sort(validation);
  return {.training = std::make_shared<Subset>(dataset, std::move(training)),
          .validation = std::make_shared<Subset>(dataset, std::move(validation)),
          .is_held_out = true};
}

}  // namespace equipoise
