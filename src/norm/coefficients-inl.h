// How kernels 2 to 4 get at the coefficients of a vector of elements, for each Form. Compiled once
// per instruction set.

#if defined(EQUIPOISE_NORM_COEFFICIENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_COEFFICIENTS_INL_H_
#undef EQUIPOISE_NORM_COEFFICIENTS_INL_H_
#else
#define EQUIPOISE_NORM_COEFFICIENTS_INL_H_
#endif

#include <type_traits>

#include "norm/affine.h"
#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// Coefficients of one vector; `scale` as in Coefficients.
struct Affine {
  V a, m, b, scale;

  /// (x − m)·scale
  HWY_INLINE V deviation(V x) const { return hn::MulSub(x, scale, m); }
  /// The one expression for z: forward and backward agree on every bit.
  HWY_INLINE V z(V deviation) const { return hn::MulAdd(a, deviation, b); }
};

struct RunSource {
  Affine affine;

  HWY_INLINE RunSource(const Coefficients& c, std::int64_t group)
      : affine{hn::Set(d, c.a[group]), hn::Set(d, c.m[group]), hn::Set(d, c.b[group]),
               hn::Set(d, c.scale)} {}
  HWY_INLINE Affine at(std::int64_t /*i*/) const { return affine; }
};

struct LaneSource {
  const Coefficients& c;
  V scale;

  HWY_INLINE explicit LaneSource(const Coefficients& coefficients)
      : c(coefficients), scale(hn::Set(d, coefficients.scale)) {}
  HWY_INLINE Affine at(std::int64_t i) const {
    return {hn::LoadU(d, c.a + i), hn::LoadU(d, c.m + i), hn::LoadU(d, c.b + i), scale};
  }
};

/// One run of a tile of kRuns: its first element, and where its bits are (or null).
struct Run {
  std::int64_t segment, group, offset, length;
  std::uint8_t* bits;
};

template <class Body>
HWY_INLINE void for_runs(const Tile& tile, Body&& body) {
  const Segments& s = tile.segments;
  for (std::int64_t segment = 0; segment < s.count; ++segment) {
    for (std::int64_t g = 0; g < tile.groups; ++g) {
      body(Run{segment, g, segment * s.stride + g * tile.group_stride, s.length,
               tile.bits != nullptr
                   ? tile.bits + segment * tile.bits_segment_stride + g * tile.bits_group_stride
                   : nullptr});
    }
  }
}

/// Equal rows of a tile of kLanes, each `length` ≤ width elements long: the tile's segments
/// themselves if those are no longer than the width, else the rows of one segment.
struct Panel {
  bool is_segments;
  std::int64_t segment, in_segment;  // of the first element
  std::int64_t offset, stride, rows, length;
  std::uint8_t* bits;
  std::int64_t bits_stride;
};

template <class Body>
HWY_INLINE void for_panels(const Tile& tile, Body&& body) {
  const Segments& s = tile.segments;
  if (s.length <= tile.width) {
    body(Panel{true, 0, 0, 0, s.stride, s.count, s.length, tile.bits, tile.bits_segment_stride});
    return;
  }
  const std::int64_t rows = s.length / tile.width;
  const std::int64_t done = rows * tile.width;
  for (std::int64_t segment = 0; segment < s.count; ++segment) {
    std::uint8_t* bits =
        tile.bits != nullptr ? tile.bits + segment * tile.bits_segment_stride : nullptr;
    const std::int64_t offset = segment * s.stride;
    body(Panel{false, segment, 0, offset, tile.width, rows, tile.width, bits, tile.width / 8});
    if (done < s.length) {
      body(Panel{false, segment, done, offset + done, 0, 1, s.length - done,
                 bits != nullptr ? bits + done / 8 : nullptr, 0});
    }
  }
}

/// Vectors of coefficients that fit in registers side by side: five of each in a backward.
constexpr int kWide = hn::MaxLanes(D()) == 16 ? 4 : 2;

/// Elements before p is aligned to a vector, for streaming.
template <class T>
HWY_INLINE std::int64_t misaligned(const T* p) {
  const auto bytes = static_cast<std::int64_t>(sizeof(T)) * lanes();
  const auto past = static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(p)) & (bytes - 1);
  return past == 0 ? 0 : (bytes - past) / static_cast<std::int64_t>(sizeof(T));
}

/// Whether all rows of a panel of p's tensor begin aligned.
template <class T>
HWY_INLINE bool aligned_rows(const T* p, const Panel& panel) {
  return misaligned(p + panel.offset) == 0 &&
         (panel.rows == 1 || misaligned(p + panel.offset + panel.stride) == 0);
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
