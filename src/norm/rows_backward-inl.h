// Kernels 3 and 4 applied to one row after the other. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#undef EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#else
#define EQUIPOISE_NORM_ROWS_BACKWARD_INL_H_
#endif

#include <algorithm>
#include <cmath>

#include <hwy/cache_control.h>

#include "base/round_up.h"
#include "norm/gradient-inl.h"
#include "norm/rows-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// `kPlain`: parameter gradients and dx, no dz, no second dy: which spares the tests for them.
template <class T, Derivative kDerivative, bool kPlain>
struct RowsBackwardLoops {
  const RowsBackwardTile& tile;
  const GradientTile gradient_tile = [this] {
    auto g = elements_of<GradientTile>(tile);
    g.dy = tile.dy;
    g.dy_second = tile.dy_second;
    return g;
  }();
  const GradientSource<T, kDerivative, kPlain> source{gradient_tile};
  const T* x = static_cast<const T*>(tile.x);
  const T* dy = static_cast<const T*>(tile.dy);
  T* dz_out = static_cast<T*>(tile.dz);
  T* dx = static_cast<T*>(tile.dx);
  const std::int64_t ahead = elements_ahead(tile);

  using Row = RowSource<ElementParameters>;
  using RunRow = RowSource<VectorParameters>;

  struct Element {
    V dz, normalized;
  };
  // dz is made smaller before anything is made of it.
  template <bool kScaled, class AnyRow, class N>
  HWY_INLINE Element element(const AnyRow& row, std::int64_t offset, const std::uint8_t* bits,
                             std::int64_t i, N n) const {
    const Gradient g = source.at(row.at(i), offset + i, n, bits, i, nullptr);
    V dz = g.dz;
    if constexpr (kScaled) dz = hn::Mul(dz, hn::Set(d, kDownScale));
    return {dz, row.normalized(g.deviation)};
  }

  // Σ γ·dz, Σ γ·dz·x̂ and Σ dz² in f32.
  struct TileSums {
    float dz, products, squares;
  };
  static bool finite(const GradientSums& s) {
    return std::isfinite(s.dz) && std::isfinite(s.products);
  }
  static constexpr double kUpScaleOfDz = 1 / static_cast<double>(kDownScale);

  // Of elements [begin, end) of a row.
  template <bool kScaled>
  HWY_INLINE TileSums tile_sums(const Row& row, std::int64_t offset, const std::uint8_t* bits,
                                std::int64_t begin, std::int64_t end) const {
    V s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
    V p0 = s0, p1 = s0, p2 = s0, p3 = s0;
    V q0 = s0, q1 = s0;
    const auto add = [&](std::int64_t i, auto n, V& s, V& p, [[maybe_unused]] V& q)
                         EQUIPOISE_INLINE_LAMBDA {
                           const Element e = element<kScaled>(row, offset, bits, i, n);
                           if constexpr (!kScaled) q = hn::MulAdd(e.dz, e.dz, q);
                           const V dz = hn::Mul(row.parameters.gamma(i), e.dz);
                           s = hn::Add(s, dz);
                           p = hn::MulAdd(dz, e.normalized, p);
                         };
    const std::int64_t step = lanes();
    std::int64_t i = begin;
    if constexpr (!kScaled) {
      for (; i + 4 * step <= end; i += 4 * step) {
        add(i, Full(), s0, p0, q0);
        add(i + step, Full(), s1, p1, q1);
        add(i + 2 * step, Full(), s2, p2, q0);
        add(i + 3 * step, Full(), s3, p3, q1);
      }
    }
    for (; i + step <= end; i += step) add(i, Full(), s0, p0, q0);
    if (i < end) add(i, First{end - i}, s1, p1, q1);
    return {sum(hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))),
            sum(hn::Add(hn::Add(p0, p1), hn::Add(p2, p3))), sum(hn::Add(q0, q1))};
  }

  HWY_INLINE RowSums row_sums(const Row& row, std::int64_t offset, const std::uint8_t* bits,
                              std::int64_t length) const {
    RowSums total;
    for (std::int64_t begin = 0; begin < length; begin += kRowTile) {
      const std::int64_t end = std::min(begin + kRowTile, length);
      double unit = 1;
      TileSums s = tile_sums<false>(row, offset, bits, begin, end);
      if (HWY_UNLIKELY(!std::isfinite(s.squares))) total.huge = true;
      if (HWY_UNLIKELY(!std::isfinite(s.dz) || !std::isfinite(s.products))) {
        unit = kUpScaleOfDz;
        s = tile_sums<true>(row, offset, bits, begin, end);
      }
      total.sums += {static_cast<double>(s.dz) * unit, static_cast<double>(s.products) * unit};
    }
    return total;
  }

  // Σ dz and Σ dz·x̂ of each run (those again that are not finite), and Σ dz² of them all.
  template <bool kScaled>
  HWY_INLINE float sums_of_runs(RunRow row, std::int64_t offset, const std::uint8_t* bits,
                                std::int64_t length, const float* weight, const float* bias,
                                GradientSums* runs) const {
    constexpr double kUnit = kScaled ? kUpScaleOfDz : 1;
    V s = hn::Zero(d), p = s, q = s, next_s = s, next_p = s;
    for_runs_of_group(
        length, tile.run, weight, bias,
        [&](std::int64_t i, auto n, const VectorParameters& parameters) EQUIPOISE_INLINE_LAMBDA {
          row.parameters = parameters;
          const Element e = element<kScaled>(row, offset, bits, i, n);
          s = hn::Add(s, e.dz);
          p = hn::MulAdd(e.dz, e.normalized, p);
          q = hn::MulAdd(e.dz, e.dz, q);
        },
        [&](std::int64_t i, hn::Mask<D> first, const VectorParameters& parameters)
            EQUIPOISE_INLINE_LAMBDA {
              row.parameters = parameters;
              const Element e = element<kScaled>(row, offset, bits, i, Full());
              const V product = hn::Mul(e.dz, e.normalized);
              s = hn::Add(s, hn::IfThenElseZero(first, e.dz));
              p = hn::Add(p, hn::IfThenElseZero(first, product));
              q = hn::MulAdd(e.dz, e.dz, q);
              next_s = hn::IfThenZeroElse(first, e.dz);
              next_p = hn::IfThenZeroElse(first, product);
            },
        [&](std::int64_t c) EQUIPOISE_INLINE_LAMBDA {
          if (!kScaled || !finite(runs[c])) {
            runs[c] = {static_cast<double>(sum(s)) * kUnit, static_cast<double>(sum(p)) * kUnit};
          }
          s = next_s;
          p = next_p;
          next_s = hn::Zero(d);
          next_p = next_s;
        });
    return sum(q);
  }

  /// dx = rstd·(γ·dz − mean_dz − x̂·mean_product), and dz, in `unit`.
  struct Factors {
    V unit, mean_dz, mean_product, rstd;

    HWY_INLINE Factors(const GradientSums& sums, const RowsBackwardTile& tile, float in_unit,
                       double exact_rstd)
        : unit(hn::Set(d, in_unit)) {
      const double share = static_cast<double>(in_unit) / static_cast<double>(tile.count);
      mean_dz = hn::Set(d, tile.centered ? static_cast<float>(sums.dz * share) : 0.0F);
      mean_product = hn::Set(d, static_cast<float>(sums.products * share));
      rstd = hn::Set(d, static_cast<float>(exact_rstd / static_cast<double>(in_unit)));
    }
  };

  // dz and dx of a vector. All of it is read before anything is written: dz or dx may be dy.
  template <class AnyRow, class N>
  HWY_INLINE void write(const AnyRow& row, const Factors& factors, std::int64_t offset,
                        const std::uint8_t* bits, std::int64_t i, N n, bool streaming, float* of_dz,
                        float* of_products) const {
    fetch(x + offset + i + ahead);
    fetch(dy + offset + i + ahead);
    const Element e = element<false>(row, offset, bits, i, n);
    const V dz = hn::Mul(e.dz, factors.unit);
    if constexpr (std::is_same_v<AnyRow, Row>) {
      if (kPlain || of_dz != nullptr) {
        store(hn::Add(load(of_dz + i, n), dz), of_dz + i, n);
        store(hn::MulAdd(dz, e.normalized, load(of_products + i, n)), of_products + i, n);
      }
    }
    if (!kPlain && dz_out != nullptr) store(e.dz, dz_out + offset + i, n);
    if (!kPlain && dx == nullptr) return;
    const V from_sums = hn::MulAdd(e.normalized, factors.mean_product, factors.mean_dz);
    const V result = hn::Mul(factors.rstd, hn::MulSub(row.parameters.gamma(i), dz, from_sums));
    if constexpr (std::is_same_v<N, Full>) {
      if (streaming) return stream(result, dx + offset + i);
    }
    store(result, dx + offset + i, n);
  }

  // From here on columns are summed in the unit for huge dz.
  HWY_INLINE void lower_unit(ColumnSums& columns) const {
    columns.unit = kHugeUnit;
    for (std::int64_t i = 0; i < round_up(tile.length, 16); ++i) {
      columns.dz[i] *= kHugeUnit;
      columns.products[i] *= kHugeUnit;
    }
  }

  HWY_INLINE void columns_of_group(std::int64_t r, std::int64_t g, std::int64_t length) const {
    using Sweeps = RowsBackwardTile::Sweeps;
    const std::int64_t group = r * tile.groups + g;
    const std::int64_t first = g * length;
    const std::int64_t offset = r * tile.stride + first;
    const std::uint8_t* bits = bits_at(tile.bits, r * tile.bits_stride + first / 8);
    const Row row(Center(tile.mean[group], tile.rstd[group]),
                  {tile.weight + first, tile.bias + first});
    const RowSums sums =
        tile.sweeps == Sweeps::kRest ? tile.sums[group] : row_sums(row, offset, bits, length);
    if (tile.sweeps == Sweeps::kSums) {
      tile.sums[group] = sums;
      return;
    }
    float unit = sums.huge ? kHugeUnit : 1.0F;
    float* of_dz = nullptr;
    float* of_products = nullptr;
    if (tile.columns != nullptr) {
      ColumnSums& columns = tile.columns[r / kSummedRows];
      if (HWY_UNLIKELY(sums.huge && columns.unit != kHugeUnit)) lower_unit(columns);
      unit = columns.unit;
      of_dz = columns.dz + first;
      of_products = columns.products + first;
    }
    const Factors factors(sums.sums, tile, unit, tile.rstd[group]);
    const T* streamed = dx != nullptr ? dx + offset : nullptr;
    for_vectors(streamed, length, tile.streaming && streamed != nullptr, bits != nullptr,
                [&](std::int64_t i, auto n, auto streaming) EQUIPOISE_INLINE_LAMBDA {
                  write(row, factors, offset, bits, i, n, streaming(), of_dz, of_products);
                });
  }

  HWY_INLINE void runs_of_group(std::int64_t r, std::int64_t g, std::int64_t length) const {
    const std::int64_t group = r * tile.groups + g;
    const std::int64_t first = g * length;
    const std::int64_t offset = r * tile.stride + first;
    const std::int64_t count = length / tile.run;
    const float* weight = tile.weight + g * count;
    const float* bias = tile.bias + g * count;
    const std::uint8_t* bits = bits_at(tile.bits, r * tile.bits_stride + first / 8);
    GradientSums* runs = tile.runs + group * count;
    RunRow row(Center(tile.mean[group], tile.rstd[group]),
               VectorParameters{hn::Zero(d), hn::Zero(d)});
    const bool huge =
        !std::isfinite(sums_of_runs<false>(row, offset, bits, length, weight, bias, runs));
    if (HWY_UNLIKELY(!std::all_of(runs, runs + count, finite))) {
      sums_of_runs<true>(row, offset, bits, length, weight, bias, runs);
    }
    if (dx == nullptr && dz_out == nullptr) return;
    GradientSums total;
    for (std::int64_t c = 0; c < count; ++c) {
      const auto gamma = static_cast<double>(weight[c]);
      total += {gamma * runs[c].dz, gamma * runs[c].products};
    }
    const Factors factors(total, tile, huge ? kHugeUnit : 1.0F, tile.rstd[group]);
    const bool streaming = tile.streaming && dx != nullptr && is_line(dx + offset);
    const auto vector = [&](std::int64_t i, auto n, const VectorParameters& parameters)
                            EQUIPOISE_INLINE_LAMBDA {
                              row.parameters = parameters;
                              write(row, factors, offset, bits, i, n, streaming, nullptr, nullptr);
                            };
    for_runs_of_group(
        length, tile.run, weight, bias, vector,
        [&](std::int64_t i, hn::Mask<D>, const VectorParameters& parameters)
            EQUIPOISE_INLINE_LAMBDA { vector(i, Full(), parameters); },
        [](std::int64_t) {});
  }

  HWY_INLINE void all() const {
    const std::int64_t length = tile.length / tile.groups;
    for (std::int64_t r = 0; r < tile.rows; ++r) {
      for (std::int64_t g = 0; g < tile.groups; ++g) {
        tile.run == 1 ? columns_of_group(r, g, length) : runs_of_group(r, g, length);
      }
    }
  }
};

template <class T, Derivative kDerivative>
struct RowsBackwardBody {
  const RowsBackwardTile& tile;

  void all() const {
    // Beside an activation, the tests weigh little; each version is 3 seconds of compiling.
    if constexpr (kDerivative == Derivative::kOne) {
      const bool all_sums = tile.columns != nullptr || tile.runs != nullptr;
      if (all_sums && tile.dx != nullptr && tile.dz == nullptr && tile.dy_second == nullptr)
        return RowsBackwardLoops<T, kDerivative, true>{tile}.all();
    }
    RowsBackwardLoops<T, kDerivative, false>{tile}.all();
  }
};

inline void rows_backward_tile(const RowsBackwardTile& tile) {
  dispatch_derivative<RowsBackwardBody>(tile);
  if (tile.streaming) hwy::FlushStream();
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
