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

struct RunSource {
  Affine affine;

  HWY_INLINE RunSource(const Coefficients& c, std::int64_t block)
      : affine{hn::Set(d, c.a[block]), hn::Set(d, c.m[block]), hn::Set(d, c.b[block]),
               hn::Set(d, c.scale)} {}
  HWY_INLINE Affine at(std::int64_t /*i*/) const { return affine; }
};

struct LaneSource {
  const Coefficients& c;
  std::int64_t first;
  V scale;

  HWY_INLINE LaneSource(const Tile& tile, std::int64_t block)
      : c(tile.coefficients),
        first(block * tile.lane_stride),
        scale(hn::Set(d, tile.coefficients.scale)) {}
  HWY_INLINE Affine at(std::int64_t i) const {
    return {hn::LoadU(d, c.a + first + i), hn::LoadU(d, c.m + first + i),
            hn::LoadU(d, c.b + first + i), scale};
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
