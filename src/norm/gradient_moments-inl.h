// Body of kernel 3, `gradient_moments`. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_GRADIENT_MOMENTS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_GRADIENT_MOMENTS_INL_H_
#undef EQUIPOISE_NORM_GRADIENT_MOMENTS_INL_H_
#else
#define EQUIPOISE_NORM_GRADIENT_MOMENTS_INL_H_
#endif

#include <algorithm>

#include "norm/gradient-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

template <class T, Derivative kDerivative, bool kPlain>
struct GradientMomentsLoops {
  const GradientMomentsTile& tile;
  const GradientSource<T, kDerivative, kPlain> source{tile};
  T* dz_out = static_cast<T*>(tile.dz);
  const V gradient_scale = hn::Set(d, tile.gradient_scale);

  template <class N>
  HWY_INLINE void add(const Affine& affine, std::int64_t offset, N n, const std::uint8_t* bits,
                      std::int64_t i, const float* w, const std::uint32_t* kept, V& sum,
                      V& products) const {
    const Gradient g = source.at(affine, offset, n, bits, i, w);
    if ((!kPlain || is_smooth(kDerivative)) && dz_out != nullptr) {
      store(kept != nullptr ? keep(g.dz, kept + (i & 15)) : g.dz, dz_out + offset, n);
    }
    const V scaled = kPlain ? g.dz : hn::Mul(g.dz, gradient_scale);
    sum = hn::Add(sum, scaled);
    products = hn::MulAdd(scaled, g.deviation, products);
  }

  HWY_INLINE void run(const Affine& affine, std::int64_t offset, const std::uint8_t* bits,
                      const float* w, std::int64_t length, V& s0, V& p0, V& s1, V& p1) const {
    const std::int64_t step = lanes();
    std::int64_t i = 0;
    for (; i + 2 * step <= length; i += 2 * step) {
      add(affine, offset + i, Full(), bits, i, weight_at(w, i), nullptr, s0, p0);
      add(affine, offset + i + step, Full(), bits, i + step, weight_at(w, i + step), nullptr, s1,
          p1);
    }
    for (; i + step <= length; i += step)
      add(affine, offset + i, Full(), bits, i, weight_at(w, i), nullptr, s0, p0);
    if (i < length)
      add(affine, offset + i, First{length - i}, bits, i, weight_at(w, i), nullptr, s1, p1);
  }

  HWY_NOINLINE void rows(const Panel& panel) const {
    const std::int64_t step = lanes();
    const LaneSource lane_source(tile, panel.block);
    const PanelBits panel_bits(tile, panel);
    const PanelWeights weights(tile, panel, tile.weights, tile.weight_stride);
    const std::uint32_t* kept = kept_lanes(tile, panel);
    float* sum_of_lane = tile.sum + panel.block * tile.lane_stride;
    float* of_products = tile.sum_of_products + panel.block * tile.lane_stride;
    for_columns<kWide, 8>(
        panel.rows, panel.length, panel.tail,
        [&](std::int64_t first, std::int64_t count, std::int64_t i, auto columns,
            auto n) EQUIPOISE_INLINE_LAMBDA {
          Affine affine[columns()];
          V sums[columns()], products[columns()];
          for_lanes<columns()>(panel, i, [&](auto j, std::int64_t lane) EQUIPOISE_INLINE_LAMBDA {
            affine[j()] = lane_source.at(lane);
            sums[j()] = hn::Zero(d);
            products[j()] = hn::Zero(d);
          });
          for (std::int64_t r = first; r < first + count; ++r) {
            const std::uint8_t* bits = panel_bits.row(r);
            const std::int64_t offset = panel.offset + r * panel.stride;
            unrolled<columns()>([&](auto j) EQUIPOISE_INLINE_LAMBDA {
              const std::int64_t column = i + j() * step;
              add(affine[j()], offset + column, n, bits, column, weights.at(r, column), kept,
                  sums[j()], products[j()]);
            });
          }
          for_lanes<columns()>(panel, i, [&](auto j, std::int64_t lane) EQUIPOISE_INLINE_LAMBDA {
            add_to(sum_of_lane + lane, sums[j()]);
            add_to(of_products + lane, products[j()]);
          });
        });
  }

  HWY_INLINE void all() const {
    std::fill_n(tile.sum, tile.blocks * tile.lane_stride, 0.0F);
    std::fill_n(tile.sum_of_products, tile.blocks * tile.lane_stride, 0.0F);
    if (tile.form == Form::kRuns) {
      for_runs(tile, [&](std::int64_t segment, std::int64_t block,
                         std::int64_t offset) EQUIPOISE_INLINE_LAMBDA {
        V s0 = hn::Zero(d), p0 = s0, s1 = s0, p1 = s0;
        run(affine_of_run(tile.coefficients, block), offset, bits_of_run(tile, segment, block),
            weight_at(tile.weights, segment * tile.weight_stride), tile.segments.length, s0, p0, s1,
            p1);
        tile.sum[block] += sum(hn::Add(s0, s1));
        tile.sum_of_products[block] += sum(hn::Add(p0, p1));
      });
      return;
    }
    for_panels<kWide>(tile, static_cast<const T*>(nullptr),
                      [&](const Panel& panel) EQUIPOISE_INLINE_LAMBDA { rows(panel); });
  }
};

template <class T, Derivative kDerivative>
struct GradientMomentsBody {
  const GradientMomentsTile& tile;

  void all() const {
    const bool no_dz = tile.dz == nullptr || is_smooth(kDerivative);
    if (no_dz && tile.dy_second == nullptr && tile.weights == nullptr && tile.gradient_scale == 1) {
      GradientMomentsLoops<T, kDerivative, true>{tile}.all();
    } else {
      GradientMomentsLoops<T, kDerivative, false>{tile}.all();
    }
  }
};

inline void gradient_moments_tile(const GradientMomentsTile& tile) {
  dispatch_derivative<GradientMomentsBody>(tile);
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
