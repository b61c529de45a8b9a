#pragma once

/// Images, and what is done to them before a network sees them.

#include <cstdint>
#include <vector>

#include "equipoise/export.h"

namespace equipoise {

/// Rows from the top, pixels from the left, channels together: (H, W, C), C being 1 (grey) or 3
/// (red, green, blue).
struct Image {
  int width = 0;
  int height = 0;
  int channels = 0;
  std::vector<std::uint8_t> pixels;
};

enum class Interpolation : std::uint8_t { kBilinear, kBicubic };

/// From an image to a network's input (C, H, W): the shorter side is resized to `resize` (0: as it
/// is), the middle is cut out (0: all of it), and each channel becomes (value/255 − mean) / std.
/// Part of a model, and kept in its file.
struct Preprocessing {
  /// 1 or 3; grey becomes three equal channels, color its luma.
  int channels = 3;
  int resize = 0;
  Interpolation interpolation = Interpolation::kBilinear;
  int height = 0;
  int width = 0;
  /// One per channel; empty: 0 and 1.
  std::vector<float> mean = {};
  std::vector<float> std = {};

  bool operator==(const Preprocessing&) const = default;
};

}  // namespace equipoise
