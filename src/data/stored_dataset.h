#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "equipoise/data.h"

namespace equipoise::data {

/// Images of one size in memory.
struct StoredImages {
  /// A file, and the number of its first image.
  struct File {
    std::int64_t first;
    std::string path;
  };

  ImageSize size;
  /// (N, H, W, C)
  std::vector<std::uint8_t> pixels;
  /// (N)
  std::vector<std::int32_t> labels;
  std::vector<std::string> class_names;
  /// In the order of their images.
  std::vector<File> files;
};

/// What the images are, and their labels, is for `open_dataset` to check.
DatasetPtr make_stored_dataset(StoredImages images);

/// The name of class k where a data set has no names: its number.
std::vector<std::string> numbered_classes(int count);

}  // namespace equipoise::data
