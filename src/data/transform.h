#pragma once

#include <cstdint>
#include <span>

#include "data/draws.h"
#include "equipoise/data.h"
#include "equipoise/loader.h"

namespace equipoise::data {

/// From an image to what the network takes, of one size for all. Immutable.
class Transform {
 public:
  /// Throws Error as the constructor of Loader does.
  Transform(const Dataset& dataset, Pass pass, const LoaderOptions& options);

  ImageSize size() const { return size_; }

  /// Throws Error for what is wrong with the settings for images of any size, or of the size that
  /// all images of the data set have. Takes the memory of an image.
  void try_out(const Dataset& dataset) const;

  /// Writes (C, H, W). `key` is the epoch's, `index` the image's. Throws Error for an image that is
  /// too small.
  void operator()(const Image& image, std::uint64_t key, std::int64_t index,
                  std::span<float> chw) const;

 private:
  void cut(const Image& image, Draws& draws, std::span<float> chw) const;

  Preprocessing preprocessing_;
  Augmentation augmentation_;
  /// Of an image that has been resized and cut.
  Preprocessing normalization_;
  ImageSize size_;
};

}  // namespace equipoise::data
