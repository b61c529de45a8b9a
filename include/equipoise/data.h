#pragma once

/// Data sets.

#include <cstdint>
#include <filesystem>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/tensor.h"

namespace equipoise {

/// A tensor of bytes, row-major.
struct ByteTensor {
  Shape shape;
  std::vector<std::uint8_t> values;
};

/// Reads a file in the IDX format of the MNIST database (LeCun et al.), gzip-compressed or not:
/// big-endian, two bytes 0, the type 8 (unsigned byte), the number of dimensions, their sizes as
/// u32, the values. Throws Error for a file that cannot be read, is of another type, is cut off, or
/// goes on behind its last value. Thread-safe.
[[nodiscard]] EQUIPOISE_API ByteTensor read_idx(const std::filesystem::path& path);

/// Images with the class of each.
struct LabelledImages {
  /// (N, C, H, W)
  Shape shape;
  std::vector<std::uint8_t> pixels;
  std::vector<std::int32_t> labels;
};

enum class Split : std::uint8_t { kTraining, kTest };

/// Reads `train-` or `t10k-` `images-idx3-ubyte` and `labels-idx1-ubyte`, with or without `.gz`,
/// from a folder; by default that of Debian's package dataset-fashion-mnist: 60,000 and 10,000 grey
/// images of 28 × 28 in 10 classes (Xiao et al. 2017). Throws Error as `read_idx` does, for files
/// that are missing, of other dimensions than images and labels have, or of different counts.
[[nodiscard]] EQUIPOISE_API LabelledImages read_idx_images(
    Split split, const std::filesystem::path& folder = "/usr/share/datasets/fashion-mnist");

}  // namespace equipoise
