// Body of kernel 4, `gradient_affine`. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_GRADIENT_AFFINE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_GRADIENT_AFFINE_INL_H_
#undef EQUIPOISE_NORM_GRADIENT_AFFINE_INL_H_
#else
#define EQUIPOISE_NORM_GRADIENT_AFFINE_INL_H_
#endif

#include <hwy/cache_control.h>

#include "norm/gradient-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

template <class T, Derivative kDerivative, bool kPlain>
struct GradientAffineLoops {
  const GradientAffineTile& tile;
  const GradientSource<T, kDerivative, kPlain> source{tile};
  T* dx = static_cast<T*>(tile.dx);

  // q and s are not looked at if the tile has none; kPlain ones have.
  template <class N>
  HWY_INLINE void element(const Affine& affine, V q, V s, std::int64_t offset, N n,
                          const std::uint8_t* bits, std::int64_t i, const float* w,
                          const std::uint32_t* kept, bool streaming) const {
    const Gradient g = source.at(affine, offset, n, bits, i, w);
    const V p = hn::Mul(affine.a, affine.scale);
    V result;
    if (kPlain) {
      result = hn::MulAdd(p, g.dz, hn::MulAdd(q, g.deviation, s));
    } else {
      result = hn::Mul(p, g.dz);
      if (tile.q != nullptr) {
        const V through_statistics = hn::MulAdd(q, g.deviation, s);
        if (w == nullptr) {
          result = hn::Add(result, through_statistics);
        } else {
          const V weight = load(w, n);
          result = hn::IfThenElse(hn::Gt(weight, hn::Zero(d)),
                                  hn::MulAdd(weight, through_statistics, result), result);
        }
      }
    }
    if (HWY_UNLIKELY(kept != nullptr)) result = keep(result, kept + (i & 15));
    if constexpr (std::is_same_v<N, Full>) {
      if (streaming) {
        stream(result, dx + offset);
        return;
      }
    }
    store(result, dx + offset, n);
  }

  HWY_INLINE void run(const Affine& affine, V q, V s, std::int64_t offset, const std::uint8_t* bits,
                      const float* w, std::int64_t length) const {
    for_vectors(dx + offset, length, tile.streaming && length >= kLeastStreamed, bits != nullptr,
                [&](std::int64_t i, auto n, auto streaming) EQUIPOISE_INLINE_LAMBDA {
                  element(affine, q, s, offset + i, n, bits, i, weight_at(w, i), nullptr,
                          streaming);
                });
  }

  HWY_NOINLINE void rows(const Panel& panel) const {
    const std::int64_t step = lanes();
    const LaneSource lane_source(tile, panel.block);
    const PanelBits panel_bits(tile, panel);
    const PanelWeights weights(tile, panel, tile.weights, tile.weight_stride);
    const std::uint32_t* kept = kept_lanes(tile, panel);
    const bool streaming = tile.streaming && aligned_rows(dx, panel);
    const std::int64_t first_lane = panel.block * tile.lane_stride;
    for_columns<kWide, 4>(
        panel.rows, panel.length, panel.tail,
        [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns,
            auto n) EQUIPOISE_INLINE_LAMBDA {
          Affine affine[columns()];
          V q[columns()], s[columns()];
          for_lanes<columns()>(panel, i, [&](auto j, std::int64_t lane) EQUIPOISE_INLINE_LAMBDA {
            affine[j()] = lane_source.at(lane);
            q[j()] = tile.q != nullptr ? hn::LoadU(d, tile.q + first_lane + lane) : hn::Zero(d);
            s[j()] = tile.q != nullptr ? hn::LoadU(d, tile.s + first_lane + lane) : hn::Zero(d);
          });
          for (std::int64_t r = first; r < first + count; ++r) {
            const std::uint8_t* bits = panel_bits.row(r);
            const std::int64_t offset = panel.offset + r * panel.stride;
            unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              const std::int64_t column = i + j() * step;
              element(affine[j()], q[j()], s[j()], offset + column, n, bits, column,
                      weights.at(r, column), kept, streaming);
            });
          }
        });
  }

  HWY_INLINE void all() const {
    if (tile.form == Form::kRuns) {
      for_runs(tile, [&](std::int64_t segment, std::int64_t block,
                         std::int64_t offset) EQUIPOISE_INLINE_LAMBDA {
        const V q = hn::Set(d, tile.q != nullptr ? tile.q[block] : 0.0F);
        const V s = hn::Set(d, tile.q != nullptr ? tile.s[block] : 0.0F);
        run(affine_of_run(tile.coefficients, block), q, s, offset,
            bits_of_run(tile, segment, block),
            weight_at(tile.weights, segment * tile.weight_stride), tile.segments.length);
      });
      return;
    }
    for_panels<kWide>(tile, tile.streaming ? dx : nullptr,
                      [&](const Panel& panel) EQUIPOISE_INLINE_LAMBDA { rows(panel); });
  }
};

template <class T, Derivative kDerivative>
struct GradientAffineBody {
  const GradientAffineTile& tile;

  void all() const {
    if (tile.dy_second == nullptr && tile.weights == nullptr && tile.q != nullptr) {
      GradientAffineLoops<T, kDerivative, true>{tile}.all();
    } else {
      GradientAffineLoops<T, kDerivative, false>{tile}.all();
    }
  }
};

inline void gradient_affine_tile(const GradientAffineTile& tile) {
  dispatch_derivative<GradientAffineBody>(tile);
  if (tile.streaming) hwy::FlushStream();
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
