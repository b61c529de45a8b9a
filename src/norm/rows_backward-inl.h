// Kernels 3 and 4 applied to one row after the other. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#undef EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#else
#define EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include "norm/gradient-inl.h"
#include "norm/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

template <class T, Derivative kDerivative>
struct RowsBackwardBody {
  const RowsBackwardTile& tile;
  const GradientTile gradient_tile = [this] {
    auto g = elements_of<GradientTile>(tile);
    g.dy = tile.dy;
    g.dy_second = tile.dy_second;
    return g;
  }();
  const GradientSource<T, kDerivative> source{gradient_tile};
  T* dz_out = static_cast<T*>(tile.dz);
  T* dx = static_cast<T*>(tile.dx);

  // Σ γ·dz and Σ γ·dz·x̂
  struct TileSums {
    float dz, products;  // times gradient_scale
  };
  struct RowSums {
    double dz = 0;
    double products = 0;
  };

  template <bool kFirstTime>
  HWY_INLINE TileSums sums(const RowSource& row, std::int64_t offset, std::int64_t first,
                           const std::uint8_t* bits, std::int64_t begin, std::int64_t end,
                           float gradient_scale) const {
    const V scale = hn::Set(d, gradient_scale);
    V s0 = hn::Zero(d), p0 = s0, s1 = s0, p1 = s0;
    const auto add = [&](std::int64_t i, auto n, V& s, V& p) EQUIPOISE_INLINE_LAMBDA {
      Gradient g = kFirstTime ? source.at(row.at(i), offset + i, n, bits, i, nullptr)
                              : again(row, offset, n, bits, i);
      const V normalized = row.normalized(g.deviation);
      if constexpr (kFirstTime) {
        if (dz_out != nullptr) store(g.dz, dz_out + offset + i, n);
        if (tile.sum != nullptr) {
          float* column = tile.sum + first + i;
          float* product_column = tile.sum_of_products + first + i;
          store(hn::Add(load(column, n), g.dz), column, n);
          store(hn::MulAdd(g.dz, normalized, load(product_column, n)), product_column, n);
        }
      }
      const V scaled = hn::Mul(hn::Mul(hn::LoadU(d, row.weight + i), g.dz), scale);
      s = hn::Add(s, scaled);
      p = hn::MulAdd(scaled, normalized, p);
    };
    const std::int64_t step = lanes();
    std::int64_t i = begin;
    for (; i + 2 * step <= end; i += 2 * step) {
      add(i, Full(), s0, p0);
      add(i + step, Full(), s1, p1);
    }
    for (; i + step <= end; i += step) add(i, Full(), s0, p0);
    if (i < end) add(i, First{end - i}, s1, p1);
    return {sum(hn::Add(s0, s1)), sum(hn::Add(p0, p1))};
  }

  HWY_INLINE RowSums sums_of_row(const RowSource& row, std::int64_t offset, std::int64_t first,
                                 const std::uint8_t* bits, std::int64_t length) const {
    RowSums total;
    for (std::int64_t begin = 0; begin < length; begin += kRowTile) {
      const std::int64_t end = std::min(begin + kRowTile, length);
      double unit = 1;
      TileSums s = sums<true>(row, offset, first, bits, begin, end, 1);
      if (HWY_UNLIKELY(!std::isfinite(s.dz) || !std::isfinite(s.products))) {
        unit = 1 / static_cast<double>(kDownScale);
        s = sums<false>(row, offset, first, bits, begin, end, kDownScale);
      }
      total.dz += static_cast<double>(s.dz) * unit;
      total.products += static_cast<double>(s.products) * unit;
    }
    return total;
  }

  // As source.at, after dz has been stored (perhaps over dy).
  template <class N>
  HWY_INLINE Gradient again(const RowSource& row, std::int64_t offset, N n,
                            const std::uint8_t* bits, std::int64_t i) const {
    if (dz_out == nullptr) return source.at(row.at(i), offset + i, n, bits, i, nullptr);
    const T* x = static_cast<const T*>(tile.x);
    return {load(dz_out + offset + i, n), row.at(i).deviation(load(x + offset + i, n))};
  }

  HWY_INLINE void all() const {
    const std::int64_t step = lanes();
    const std::int64_t length = tile.length / tile.groups;
    for (std::int64_t r = 0; r < tile.rows * tile.groups; ++r) {
      const std::int64_t row_index = r / tile.groups;
      const std::int64_t first = (r - row_index * tile.groups) * length;
      const std::int64_t offset = r * length;
      const std::uint8_t* bits = bits_at(tile.bits, row_index * tile.bits_stride + first / 8);
      const Center center(tile.mean[r], tile.rstd[r], is_extreme(tile.mean[r], tile.rstd[r]));
      const RowSource row(center, tile.weight + first, tile.bias + first);
      const RowSums s = sums_of_row(row, offset, first, bits, length);
      if (dx == nullptr) continue;
      const double share = 1.0 / static_cast<double>(length);
      const V mean_dz = hn::Set(d, tile.centered ? static_cast<float>(s.dz * share) : 0.0F);
      const V mean_product = hn::Set(d, static_cast<float>(s.products * share));
      const V rstd = hn::Set(d, static_cast<float>(tile.rstd[r]));
      const auto element = [&](std::int64_t i, auto n) EQUIPOISE_INLINE_LAMBDA {
        const Gradient g = again(row, offset, n, bits, i);
        const V from_statistics = hn::MulAdd(row.normalized(g.deviation), mean_product, mean_dz);
        const V result =
            hn::Mul(rstd, hn::MulSub(hn::LoadU(d, row.weight + i), g.dz, from_statistics));
        store(result, dx + offset + i, n);
      };
      std::int64_t i = 0;
      for (; i + step <= length; i += step) element(i, Full());
      if (i < length) element(i, First{length - i});
    }
  }
};

inline void rows_backward_tile(const RowsBackwardTile& tile) {
  dispatch_derivative<RowsBackwardBody>(tile);
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
