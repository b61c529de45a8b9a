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
    moments = merge(moments, moments_of_run(x + i, n, centered));
  }
  return moments;
}

template <class T, Act kAct, bool kResidual>
struct RowsForwardBody {
  const RowsForwardTile& tile;
  const AffineTile affine_tile = [this] {
    auto to = elements_of<AffineTile>(tile);
    to.y = tile.y;
    return to;
  }();
  const AffineBody<T, kAct, kResidual> affine{affine_tile};
  const T* x = static_cast<const T*>(tile.x);
  const T* residual = static_cast<const T*>(tile.residual);
  T* y = static_cast<T*>(tile.y);
  const std::int64_t ahead = elements_ahead(tile);

  template <class Source, class N>
  HWY_INLINE void element(const Source& source, std::int64_t offset, std::uint8_t* bits,
                          std::int64_t i, N n, bool streaming) const {
    fetch(x + offset + i + ahead);
    if constexpr (kResidual) fetch(residual + offset + i + ahead);
    affine.element(source.at(i), offset + i, n, bits, i, nullptr, streaming);
  }

  HWY_INLINE void elements(const Center& center, std::int64_t offset, std::int64_t first,
                           std::uint8_t* bits, std::int64_t length) const {
    const RowSource<ElementParameters> source(center, {tile.weight + first, tile.bias + first});
    for_vectors(y + offset, length, tile.streaming, bits != nullptr,
                [&](std::int64_t i, auto n, auto streaming)
                    EQUIPOISE_INLINE_LAMBDA { element(source, offset, bits, i, n, streaming()); });
  }

  HWY_INLINE void runs(const Center& center, std::int64_t offset, std::int64_t first,
                       std::uint8_t* bits, std::int64_t length) const {
    const bool streaming = tile.streaming && is_line(y + offset);
    RowSource<VectorParameters> source(center, VectorParameters{hn::Zero(d), hn::Zero(d)});
    const auto vector = [&](std::int64_t i, auto n, const VectorParameters& parameters)
                            EQUIPOISE_INLINE_LAMBDA {
                              source.parameters = parameters;
                              element(source, offset, bits, i, n, streaming);
                            };
    for_runs_of_group(
        length, tile.run, tile.weight + first / tile.run, tile.bias + first / tile.run, vector,
        [&](std::int64_t i, hn::Mask<D>, const VectorParameters& parameters)
            EQUIPOISE_INLINE_LAMBDA { vector(i, Full(), parameters); },
        [](std::int64_t) {});
  }

  HWY_INLINE void set_statistics(std::int64_t group, std::int64_t offset,
                                 std::int64_t length) const {
    const Moments moments = moments_of_row(x + offset, length, tile.centered);
    tile.new_mean[group] = moments.mean;
    tile.new_rstd[group] = 1 / std::sqrt(moments.variance() + tile.epsilon);
    if (tile.new_moments != nullptr) tile.new_moments[group] = moments;
  }

  HWY_INLINE void all() const {
    const std::int64_t length = tile.length / tile.groups;
    for (std::int64_t row = 0; row < tile.rows; ++row) {
      std::uint8_t* row_bits = tile.bits != nullptr ? tile.bits + row * tile.bits_stride : nullptr;
      for (std::int64_t g = 0; g < tile.groups; ++g) {
        const std::int64_t group = row * tile.groups + g;
        const std::int64_t first = g * length;
        const std::int64_t offset = row * tile.stride + first;
        if (tile.new_mean != nullptr) set_statistics(group, offset, length);
        const Center center(tile.mean[group], tile.rstd[group]);
        std::uint8_t* bits = row_bits != nullptr ? row_bits + first / 8 : nullptr;
        tile.run == 1 ? elements(center, offset, first, bits, length)
                      : runs(center, offset, first, bits, length);
      }
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
    case Act::kRelu:
      return rows_forward_as<T, Act::kRelu>(tile);
    case Act::kRelu6:
      return rows_forward_as<T, Act::kRelu6>(tile);
    case Act::kSilu:
      return rows_forward_as<T, Act::kSilu>(tile);
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
