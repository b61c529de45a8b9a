#pragma once

#include <cstdint>

namespace equipoise {

/// A row of table 1 of Tan & Le 2019: blocks that expand, filter each channel, squeeze and excite,
/// project.
struct MbConvStage {
  std::int64_t expansion;
  std::int64_t kernel;
  std::int64_t first_stride;
  std::int64_t out;
  int blocks;
};

/// Of EfficientNet-B0, which the others scale.
inline constexpr MbConvStage kEfficientNetStages[] = {
    {1, 3, 1, 16, 1},  {6, 3, 2, 24, 2},  {6, 5, 2, 40, 2},  {6, 3, 2, 80, 3},
    {6, 5, 1, 112, 3}, {6, 5, 2, 192, 4}, {6, 3, 1, 320, 1},
};

}  // namespace equipoise
