#include "data/transform.h"

#include <vector>

#include <fmt/format.h>

#include "data/augment.h"
#include "equipoise/error.h"
#include "images/shorter_side.h"

namespace equipoise::data {
namespace {

/// Sizes that memory can be asked for; the rest is for `preprocess` to check.
void check_size(const Preprocessing& preprocessing) {
  const auto& [channels, resize, interpolation, height, width, mean, std] = preprocessing;
  constexpr int kMost = 1 << 15;
  if (channels < 1 || channels > 3 || resize < 0 || height < 0 || width < 0 || height > kMost ||
      width > kMost) {
    throw Error(
        fmt::format("images are resized to {} and become {} × {} × {}; there are 1 or 3 "
                    "channels, and sizes up to {}",
                    resize, height, width, channels, kMost));
  }
}

/// With height and width, if need be those of the data set's images.
Preprocessing with_size(Preprocessing preprocessing, const Dataset& dataset) {
  check_size(preprocessing);
  if ((preprocessing.height == 0) != (preprocessing.width == 0)) {
    throw Error(fmt::format("images are cut to height {} and width {}; give both, or neither",
                            preprocessing.height, preprocessing.width));
  }
  if (preprocessing.height != 0) return preprocessing;
  const std::optional<ImageSize> size = dataset.image_size();
  if (!size || preprocessing.resize != 0) {
    throw Error(fmt::format("images {}; give the height and width of what the network takes",
                            size ? "are resized" : "are of different sizes"));
  }
  preprocessing.height = size->height;
  preprocessing.width = size->width;
  return preprocessing;
}

Image resize_shorter(const Image& image, const Preprocessing& preprocessing) {
  const auto [width, height] =
      images::with_shorter_side({image.width, image.height}, preprocessing.resize);
  return resize(image, width, height, preprocessing.interpolation);
}

Image black(const ImageSize& size) {
  const auto count = static_cast<std::size_t>(size.height) * static_cast<std::size_t>(size.width) *
                     static_cast<std::size_t>(size.channels);
  return {.width = size.width,
          .height = size.height,
          .channels = size.channels,
          .pixels = std::vector<std::uint8_t>(count)};
}

}  // namespace

Transform::Transform(const Dataset& dataset, Pass pass, const LoaderOptions& options)
    : preprocessing_(with_size(options.preprocessing, dataset)),
      augmentation_(pass == Pass::kTraining ? options.augmentation : Augmentation{}),
      normalization_(preprocessing_),
      size_{.channels = preprocessing_.channels,
            .height = preprocessing_.height,
            .width = preprocessing_.width} {
  check(augmentation_);
  normalization_.resize = 0;
}

void Transform::try_out(const Dataset& dataset) const {
  std::vector<float> chw(static_cast<std::size_t>(size_.channels) *
                         static_cast<std::size_t>(size_.height) *
                         static_cast<std::size_t>(size_.width));
  const ImageSize any{.channels = 1, .height = size_.height, .width = size_.width};
  (*this)(black(dataset.image_size().value_or(any)), 0, 0, chw);
}

void Transform::operator()(const Image& image, std::uint64_t key, std::int64_t index,
                           std::span<float> chw) const {
  Draws draws(key, index);
  cut(image, draws, chw);
  if (augmentation_.flip > 0 && draws.uniform(0, 1) < augmentation_.flip) {
    mirror_rows(chw, size_.width);
  }
}

void Transform::cut(const Image& image, Draws& draws, std::span<float> chw) const {
  if (augmentation_.crop == Crop::kCentre) return preprocess(image, preprocessing_, chw);
  if (size_.channels < image.channels) {  // as `preprocess` does it: first
    return cut(with_channels(image, size_.channels), draws, chw);
  }
  switch (augmentation_.crop) {
    case Crop::kCentre:
      break;
    case Crop::kRandom: {
      const Image resized = resize_shorter(image, preprocessing_);
      preprocess(random_crop(resized, augmentation_.padding, size_.width, size_.height, draws),
                 normalization_, chw);
      return;
    }
    case Crop::kRandomResized: {
      const PixelBox box = random_box(image.width, image.height, augmentation_, draws);
      const Box edges{.left = static_cast<float>(box.left),
                      .top = static_cast<float>(box.top),
                      .right = static_cast<float>(box.left + box.width),
                      .bottom = static_cast<float>(box.top + box.height)};
      preprocess(resize(image, size_.width, size_.height, preprocessing_.interpolation, edges),
                 normalization_, chw);
      return;
    }
  }
}

}  // namespace equipoise::data
