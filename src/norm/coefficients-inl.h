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
#include "norm/tile-inl.h"

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

HWY_INLINE Affine affine_of_run(const Coefficients& c, std::int64_t block) {
  return {hn::Set(d, c.a[block]), hn::Set(d, c.m[block]), hn::Set(d, c.b[block]),
          hn::Set(d, c.scale != nullptr ? c.scale[block] : 1.0F)};
}

struct LaneSource {
  const Coefficients& c;
  std::int64_t first;

  HWY_INLINE LaneSource(const Tile& tile, std::int64_t block)
      : c(tile.coefficients), first(block * tile.lane_stride) {}
  HWY_INLINE Affine at(std::int64_t i) const {
    return {hn::LoadU(d, c.a + first + i), hn::LoadU(d, c.m + first + i),
            hn::LoadU(d, c.b + first + i),
            c.scale != nullptr ? hn::LoadU(d, c.scale + first + i) : hn::Set(d, 1.0F)};
  }
};

/// The bits of a run, or null.
HWY_INLINE std::uint8_t* bits_of_run(const Tile& tile, std::int64_t segment, std::int64_t block) {
  return tile.bits != nullptr
             ? tile.bits + segment * tile.bits_segment_stride + block * tile.bits_block_stride
             : nullptr;
}

/// The bits of a panel's rows, or null.
struct PanelBits {
  std::uint8_t* first;
  std::int64_t stride;

  HWY_INLINE PanelBits(const Tile& tile, const Panel& panel)
      : first(bits_of_run(tile, panel.segment, panel.block)),
        stride(panel.is_segments ? tile.bits_segment_stride : panel.stride / 8) {
    if (first != nullptr) first += panel.in_segment / 8;
  }
  HWY_INLINE std::uint8_t* row(std::int64_t r) const {
    return first != nullptr ? first + r * stride : nullptr;
  }
};

/// Vectors of coefficients that fit in registers side by side: five of each in a backward.
constexpr int kWide = hn::MaxLanes(D()) == 16 ? 4 : 2;

/// Calls element(i, n, streaming) for the vectors of `length` elements that are written to `out`.
/// Only whole cache lines are streamed: half a line costs as much as eight. Vectors with bits begin
/// at a multiple of their length.
template <class T, class Element>
HWY_INLINE void for_vectors(const T* out, std::int64_t length, bool streaming, bool has_bits,
                            Element&& element) {
  constexpr std::int64_t kLine = 64 / sizeof(T);
  const std::int64_t step = lanes();
  std::int64_t begin = length;  // of what is streamed
  std::int64_t end = length;
  if (streaming) {
    const auto past =
        static_cast<std::int64_t>(reinterpret_cast<std::uintptr_t>(out) % 64 / sizeof(T));
    const std::int64_t head = (kLine - past) % kLine;
    if (head + kLine <= length && (head == 0 || !has_bits)) {
      begin = head;
      end = head + (length - head) / kLine * kLine;
    }
  }
  std::int64_t i = 0;
  for (const std::int64_t until : {begin, length}) {
    for (; i + step <= until; i += step) element(i, Full(), std::false_type());
    if (i < until) element(i, First{until - i}, std::false_type());
    for (i = until; i < end; i += step) element(i, Full(), std::true_type());
  }
}

/// Runs shorter than this are not streamed: most of their lines are shared with a neighbour.
constexpr std::int64_t kLeastStreamed = 256;

/// Those of the tile if the panel is of its last block.
HWY_INLINE const std::uint32_t* kept_lanes(const Tile& tile, const Panel& panel) {
  return panel.block == tile.blocks - 1 ? tile.kept_lanes : nullptr;
}

/// Whether all rows of a panel of p's tensor begin aligned.
template <class T>
HWY_INLINE bool aligned_rows(const T* p, const Panel& panel) {
  return is_aligned(p + panel.offset) &&
         (panel.rows == 1 || is_aligned(p + panel.offset + panel.stride));
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
