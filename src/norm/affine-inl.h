// Body of kernel 2, `affine`. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_AFFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_AFFINE_INL_H_
#undef EQUIPOISE_NORM_AFFINE_INL_H_
#else
#define EQUIPOISE_NORM_AFFINE_INL_H_
#endif

#include <hwy/cache_control.h>

#include "norm/activation-inl.h"
#include "norm/coefficients-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

enum class Act { kNone, kRelu, kRelu6, kSilu, kOther };

inline Act act_of(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return Act::kNone;
    case Activation::kRelu:
      return Act::kRelu;
    case Activation::kRelu6:
      return Act::kRelu6;
    case Activation::kSilu:
      return Act::kSilu;
    default:
      return Act::kOther;
  }
}

template <class T, Act kAct, bool kResidual>
struct AffineBody {
  const AffineTile& tile;
  const T* x = static_cast<const T*>(tile.x);
  const T* residual = static_cast<const T*>(tile.residual);
  T* y = static_cast<T*>(tile.y);

  // Elements [offset, offset + n), the i-th and following of their row.
  template <class N>
  HWY_INLINE void element(const Affine& affine, std::int64_t offset, N n, std::uint8_t* bits,
                          std::int64_t i, const std::uint32_t* kept, bool streaming) const {
    V z = affine.z(affine.deviation(load(x + offset, n)));
    if constexpr (kResidual) {
      z = hn::Add(z, load(residual + offset, n));
      if (bits != nullptr) {
        store_bits(kAct == Act::kRelu    ? hn::Not(stopped_by_relu(z))
                   : kAct == Act::kRelu6 ? hn::Not(stopped_by_relu6(z))
                                         : hn::Gt(z, hn::Zero(d)),
                   n, bits, i);
      }
    }
    if constexpr (kAct == Act::kRelu) z = relu(z);
    if constexpr (kAct == Act::kRelu6) z = relu6(z);
    if constexpr (kAct == Act::kSilu) z = silu(z);
    if constexpr (kAct == Act::kOther) z = activate(tile.activation, tile.negative_slope, z);
    if (HWY_UNLIKELY(kept != nullptr)) z = keep(z, kept + (i & 15));
    if constexpr (std::is_same_v<N, Full>) {
      if (streaming) {
        stream(z, y + offset);
        return;
      }
    }
    store(z, y + offset, n);
  }

  HWY_INLINE void run(const Affine& affine, std::int64_t offset, std::uint8_t* bits,
                      std::int64_t length) const {
    for_vectors(y + offset, length, tile.streaming && length >= kLeastStreamed, bits != nullptr,
                [&](std::int64_t i, auto n, auto streaming) EQUIPOISE_INLINE_LAMBDA {
                  element(affine, offset + i, n, bits, i, nullptr, streaming);
                });
  }

  HWY_NOINLINE void rows(const Panel& panel) const {
    const std::int64_t step = lanes();
    const LaneSource source(tile, panel.block);
    const PanelBits panel_bits(tile, panel);
    const std::uint32_t* kept = kept_lanes(tile, panel);
    const bool streaming = tile.streaming && aligned_rows(y, panel);
    for_columns<kWide, 1>(
        panel.rows, panel.length, panel.tail,
        [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns, auto n)
            EQUIPOISE_INLINE_LAMBDA {
              Affine affine[columns()];
              for_lanes<columns()>(panel, i,
                                   [&](auto j, std::int64_t lane)
                                       EQUIPOISE_INLINE_LAMBDA { affine[j()] = source.at(lane); });
              for (std::int64_t r = first; r < first + count; ++r) {
                std::uint8_t* bits = panel_bits.row(r);
                const std::int64_t offset = panel.offset + r * panel.stride;
                unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
                  const std::int64_t column = i + j() * step;
                  element(affine[j()], offset + column, n, bits, column, kept, streaming);
                });
              }
            });
  }

  HWY_INLINE void all() const {
    if (tile.form == Form::kRuns) {
      for_runs(tile, [&](std::int64_t segment, std::int64_t block, std::int64_t offset)
                         EQUIPOISE_INLINE_LAMBDA {
                           run(affine_of_run(tile.coefficients, block), offset,
                               bits_of_run(tile, segment, block), tile.segments.length);
                         });
      return;
    }
    for_panels<kWide>(tile, tile.streaming ? y : nullptr,
                      [&](const Panel& panel) EQUIPOISE_INLINE_LAMBDA { rows(panel); });
  }
};

template <class T, Act kAct>
void affine_as(const AffineTile& tile) {
  if (tile.residual != nullptr) {
    AffineBody<T, kAct, true>{tile}.all();
  } else {
    AffineBody<T, kAct, false>{tile}.all();
  }
}

template <class T>
void affine_of(const AffineTile& tile) {
  switch (act_of(tile.activation)) {
    case Act::kNone:
      return affine_as<T, Act::kNone>(tile);
    case Act::kRelu:
      return affine_as<T, Act::kRelu>(tile);
    case Act::kRelu6:
      return affine_as<T, Act::kRelu6>(tile);
    case Act::kSilu:
      return affine_as<T, Act::kSilu>(tile);
    case Act::kOther:
      return affine_as<T, Act::kOther>(tile);
  }
}

inline void affine_tile(const AffineTile& tile) {
  tile.dtype == DType::kF32 ? affine_of<float>(tile) : affine_of<std::uint16_t>(tile);
  if (tile.streaming) hwy::FlushStream();
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
