// Kernels 1 and 2 applied to one row after the other. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_ROWS_FORWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ROWS_FORWARD_INL_H_
#undef EQUIPOISE_NORM_ROWS_FORWARD_INL_H_
#else
#define EQUIPOISE_NORM_ROWS_FORWARD_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include <hwy/cache_control.h>

#include "norm/affine-inl.h"
#include "norm/moments-inl.h"
#include "norm/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

template <class T>
HWY_INLINE Moments moments_of_row(const T* x, std::int64_t length, bool centered) {
  Moments moments;
  for (std::int64_t i = 0; i < length; i += kRowTile) {
    const std::int64_t n = std::min(kRowTile, length - i);
    moments = merge(moments, moments_of_run<false>(x + i, {.segments = {1, 0, n},
                                                           .count = static_cast<double>(n),
                                                           .centered = centered}));
  }
  return moments;
}

template <class T, Act kAct, bool kResidual>
struct RowsForwardBody {
  const RowsForwardTile& tile;

  HWY_INLINE void all() const {
    auto affine_tile = elements_of<AffineTile>(tile);
    affine_tile.y = tile.y;
    affine_tile.streaming = tile.streaming;
    const AffineBody<T, kAct, kResidual> affine{affine_tile};
    const std::int64_t length = tile.length / tile.groups;
    for (std::int64_t i = 0; i < tile.rows * tile.groups; ++i) {
      const std::int64_t row = i / tile.groups;
      const std::int64_t first = (i - row * tile.groups) * length;
      const Moments moments =
          moments_of_row(static_cast<const T*>(tile.x) + i * length, length, tile.centered);
      tile.mean[i] = moments.mean;
      tile.rstd[i] = 1 / std::sqrt(moments.variance() + tile.epsilon);
      const Center center(tile.mean[i], tile.rstd[i], is_extreme(tile.mean[i], tile.rstd[i]));
      affine.run(RowSource(center, tile.weight + first, tile.bias + first), i * length,
                 tile.bits != nullptr ? tile.bits + row * tile.bits_stride + first / 8 : nullptr,
                 length);
    }
  }
};

template <class T, Act kAct>
void rows_forward_as(const RowsForwardTile& tile) {
  if (tile.residual != nullptr) {
    RowsForwardBody<T, kAct, true>{tile}.all();
  } else {
    RowsForwardBody<T, kAct, false>{tile}.all();
  }
}

template <class T>
void rows_forward_of(const RowsForwardTile& tile) {
  switch (act_of(tile.activation)) {
    case Act::kNone:
      return rows_forward_as<T, Act::kNone>(tile);
    case Act::kClamp:
      return rows_forward_as<T, Act::kClamp>(tile);
    case Act::kOther:
      return rows_forward_as<T, Act::kOther>(tile);
  }
}

inline void rows_forward_tile(const RowsForwardTile& tile) {
  tile.dtype == DType::kF32 ? rows_forward_of<float>(tile) : rows_forward_of<std::uint16_t>(tile);
  if (tile.streaming) hwy::FlushStream();
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
