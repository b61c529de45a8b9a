#pragma once

namespace equipoise::images {

struct Size {
  int width = 0;
  int height = 0;
};

/// The size with its shorter side as wanted and the longer one in proportion, rounded down; as it
/// is for 0. Throws Error for a longer side beyond 2^24.
Size with_shorter_side(Size size, int shorter);

}  // namespace equipoise::images
