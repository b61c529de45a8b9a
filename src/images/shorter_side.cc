#include "images/shorter_side.h"

#include <algorithm>
#include <cstdint>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise::images {

Size with_shorter_side(Size size, int shorter) {
  if (shorter == 0) return size;
  const auto [short_side, long_side] = std::minmax(size.width, size.height);
  const std::int64_t longer = std::int64_t{shorter} * long_side / short_side;
  constexpr std::int64_t kMost = 1 << 24;
  if (longer > kMost) {
    throw Error(
        fmt::format("an image of {} × {} pixels, resized to {} at its shorter side, has {} "
                    "at the other",
                    size.width, size.height, shorter, longer));
  }
  const int other = static_cast<int>(longer);
  return size.width > size.height ? Size{other, shorter} : Size{shorter, other};
}

}  // namespace equipoise::images
