// Bodies of kernels 3 and 4, `gradient_moments` and `gradient_affine`. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_GRADIENT_INL_H_
#undef EQUIPOISE_NORM_GRADIENT_INL_H_
#else
#define EQUIPOISE_NORM_GRADIENT_INL_H_
#endif

#include <algorithm>

#include "norm/affine-inl.h"
#include "norm/gradient.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// Where act'(z) comes from.
enum class Derivative {
  kOne,    ///< no activation
  kClamp,  ///< ReLU or ReLU6 of a z computed again
  kBits,   ///< the tile's bits
  kOther,  ///< any other activation, z computed again
};

inline Derivative derivative_of(Activation activation, bool has_bits) {
  switch (act_of(activation)) {
    case Act::kNone:
      return Derivative::kOne;
    case Act::kClamp:
      return has_bits ? Derivative::kBits : Derivative::kClamp;
    case Act::kOther:
      return has_bits ? Derivative::kBits : Derivative::kOther;
  }
  return Derivative::kOther;
}

struct Gradient {
  V dz, deviation;
};

template <class T, Derivative kDerivative>
struct GradientSource {
  const GradientTile& tile;
  const T* x = static_cast<const T*>(tile.x);
  const T* residual = static_cast<const T*>(tile.residual);
  const T* dy = static_cast<const T*>(tile.dy);
  const T* dy_second = static_cast<const T*>(tile.dy_second);
  const float limit = gradient_limit(tile.activation);

  // dz and (x − m)·scale of n elements at `offset`, whose bits are at i, and whose weights are at w (or w is null).
  template <class N>
  HWY_INLINE Gradient at(const Affine& affine, std::int64_t offset, N n, const std::uint8_t* bits, std::int64_t i,
                         const float* w) const {
    V deviation = affine.deviation(load(x + offset, n));
    V incoming = load(dy + offset, n);
    if (dy_second != nullptr) incoming = hn::Add(incoming, load(dy_second + offset, n));
    V dz = incoming;
    if constexpr (kDerivative == Derivative::kClamp) {
      dz = hn::IfThenElseZero(passes(affine.z(deviation), limit), incoming);
    } else if constexpr (kDerivative == Derivative::kBits) {
      const auto pass = load_bits(bits, i);
      dz = tile.activation == Activation::kLeakyRelu
               ? hn::IfThenElse(pass, incoming, hn::Mul(incoming, hn::Set(d, tile.negative_slope)))
               : hn::IfThenElseZero(pass, incoming);
    } else if constexpr (kDerivative == Derivative::kOther) {
      V z = affine.z(deviation);
      if (residual != nullptr) z = hn::Add(z, load(residual + offset, n));
      dz = hn::Mul(incoming, activation_derivative(tile.activation, tile.negative_slope, z));
    }
    if constexpr (!std::is_same_v<N, Full>) {
      dz = hn::IfThenElseZero(n.mask(), dz);
      deviation = hn::IfThenElseZero(n.mask(), deviation);
    }
    if (w != nullptr) {
      const auto idle = hn::And(hn::Eq(load(w, n), hn::Zero(d)), hn::Eq(incoming, hn::Zero(d)));
      dz = hn::IfThenZeroElse(idle, dz);
      deviation = hn::IfThenZeroElse(idle, deviation);
    }
    return {dz, deviation};
  }
};

HWY_INLINE const std::uint8_t* bits_at(const std::uint8_t* bits, std::int64_t bytes) {
  return bits != nullptr ? bits + bytes : nullptr;
}
HWY_INLINE const float* weight_at(const float* w, std::int64_t i) { return w != nullptr ? w + i : nullptr; }

template <class T, Derivative kDerivative>
struct GradientMomentsBody {
  const GradientMomentsTile& tile;
  const GradientSource<T, kDerivative> source{tile};
  T* dz_out = static_cast<T*>(tile.dz);
  const V gradient_scale = hn::Set(d, tile.gradient_scale);

  template <class N>
  HWY_INLINE void add(const Affine& affine, std::int64_t offset, N n, const std::uint8_t* bits, std::int64_t i,
                      const float* w, V& sum, V& products) const {
    const Gradient g = source.at(affine, offset, n, bits, i, w);
    if (dz_out != nullptr) store(g.dz, dz_out + offset, n);
    const V scaled = hn::Mul(g.dz, gradient_scale);
    sum = hn::Add(sum, scaled);
    products = hn::MulAdd(scaled, g.deviation, products);
  }

  HWY_INLINE void run(const Affine& affine, std::int64_t offset, const std::uint8_t* bits, const float* w,
                      std::int64_t length, V& s0, V& p0, V& s1, V& p1) const {
    const std::int64_t step = lanes();
    std::int64_t i = 0;
    for (; i + 2 * step <= length; i += 2 * step) {
      add(affine, offset + i, Full(), bits, i, weight_at(w, i), s0, p0);
      add(affine, offset + i + step, Full(), bits, i + step, weight_at(w, i + step), s1, p1);
    }
    for (; i + step <= length; i += step) add(affine, offset + i, Full(), bits, i, weight_at(w, i), s0, p0);
    if (i < length) add(affine, offset + i, First{length - i}, bits, i, weight_at(w, i), s1, p1);
  }

  HWY_INLINE void runs() const {
    for (std::int64_t g = 0; g < tile.groups; ++g) {
      const Affine affine = RunSource(tile.coefficients, g).affine;
      V s0 = hn::Zero(d), p0 = s0, s1 = s0, p1 = s0;
      for (std::int64_t segment = 0; segment < tile.segments.count; ++segment) {
        run(affine, segment * tile.segments.stride + g * tile.group_stride,
            bits_at(tile.bits, segment * tile.bits_segment_stride + g * tile.bits_group_stride),
            weight_at(tile.weights, segment * tile.weight_stride), tile.segments.length, s0, p0, s1, p1);
      }
      tile.sum[g] = sum(hn::Add(s0, s1));
      tile.sum_of_products[g] = sum(hn::Add(p0, p1));
    }
  }

  template <int kRows>
  HWY_INLINE void rows(const LaneSource& lane_source, std::int64_t offset, std::int64_t stride,
                       const std::uint8_t* bits, std::int64_t bits_stride, const float* w,
                       std::int64_t weight_stride, std::int64_t length) const {
    const std::int64_t step = lanes();
    const auto all_rows = [&](std::int64_t i, auto n) {
      const Affine affine = lane_source.at(i);
      V s = hn::Load(d, tile.sum + i);
      V p = hn::Load(d, tile.sum_of_products + i);
      for (int r = 0; r < kRows; ++r) {
        add(affine, offset + r * stride + i, n, bits_at(bits, r * bits_stride), i,
            weight_at(w, r * weight_stride + i), s, p);
      }
      hn::Store(s, d, tile.sum + i);
      hn::Store(p, d, tile.sum_of_products + i);
    };
    std::int64_t i = 0;
    for (; i + step <= length; i += step) all_rows(i, Full());
    if (i < length) all_rows(i, First{length - i});
  }

  HWY_INLINE void all() const {
    if (tile.form == Form::kRuns) return runs();
    const std::int64_t padded = (tile.width + 15) / 16 * 16;
    std::fill_n(tile.sum, padded, 0.0F);
    std::fill_n(tile.sum_of_products, padded, 0.0F);
    const LaneSource lane_source(tile.coefficients);
    for_panels(tile, [&](const Panel& panel) {
      const float* w = weight_at(tile.weights, panel.segment * tile.weight_stride + panel.in_segment);
      const std::int64_t weight_stride = panel.is_segments ? tile.weight_stride : panel.stride;
      for_row_blocks<4>(panel.rows, [&](auto count, std::int64_t r) {
        rows<count()>(lane_source, panel.offset + r * panel.stride, panel.stride,
                      bits_at(panel.bits, r * panel.bits_stride), panel.bits_stride,
                      weight_at(w, r * weight_stride), weight_stride, panel.length);
      });
    });
  }
};

template <class T, Derivative kDerivative>
struct GradientAffineBody {
  const GradientAffineTile& tile;
  const GradientSource<T, kDerivative> source{tile};
  T* dx = static_cast<T*>(tile.dx);

  // q and s are not looked at if the tile has none.
  template <class N>
  HWY_INLINE void element(const Affine& affine, V q, V s, std::int64_t offset, N n, const std::uint8_t* bits,
                          std::int64_t i, const float* w, bool streaming) const {
    const Gradient g = source.at(affine, offset, n, bits, i, w);
    V result = hn::Mul(hn::Mul(affine.a, affine.scale), g.dz);
    if (tile.q != nullptr) {
      const V through_statistics = hn::MulAdd(q, g.deviation, s);
      if (w != nullptr) {
        const V weight = load(w, n);
        result = hn::IfThenElse(hn::Gt(weight, hn::Zero(d)), hn::MulAdd(weight, through_statistics, result), result);
      } else {
        result = hn::Add(result, through_statistics);
      }
    }
    if constexpr (std::is_same_v<N, Full>) {
      if (streaming) {
        stream(result, dx + offset);
        return;
      }
    }
    store(result, dx + offset, n);
  }

  HWY_INLINE void run(const Affine& affine, V q, V s, std::int64_t offset, const std::uint8_t* bits, const float* w,
                      std::int64_t length) const {
    const std::int64_t step = lanes();
    std::int64_t i = 0;
    bool streaming = tile.streaming;
    if (streaming) {
      const std::int64_t head = misaligned(dx + offset);
      if (head > 0 && (bits != nullptr || head >= length)) {
        streaming = false;
      } else if (head > 0) {
        element(affine, q, s, offset, First{head}, nullptr, 0, w, false);
        i = head;
      }
    }
    for (; i + step <= length; i += step) {
      element(affine, q, s, offset + i, Full(), bits, i, weight_at(w, i), streaming);
    }
    if (i < length) element(affine, q, s, offset + i, First{length - i}, bits, i, weight_at(w, i), false);
  }

  template <int kRows>
  HWY_INLINE void rows(const LaneSource& lane_source, std::int64_t offset, std::int64_t stride,
                       const std::uint8_t* bits, std::int64_t bits_stride, const float* w,
                       std::int64_t weight_stride, std::int64_t length) const {
    const std::int64_t step = lanes();
    bool streaming = tile.streaming;
    for (int r = 0; r < kRows; ++r) streaming = streaming && misaligned(dx + offset + r * stride) == 0;
    const auto all_rows = [&](std::int64_t i, auto n) {
      const Affine affine = lane_source.at(i);
      const V q = tile.q != nullptr ? hn::LoadU(d, tile.q + i) : hn::Zero(d);
      const V s = tile.q != nullptr ? hn::LoadU(d, tile.s + i) : hn::Zero(d);
      for (int r = 0; r < kRows; ++r) {
        element(affine, q, s, offset + r * stride + i, n, bits_at(bits, r * bits_stride), i,
                weight_at(w, r * weight_stride + i), streaming);
      }
    };
    std::int64_t i = 0;
    for (; i + step <= length; i += step) all_rows(i, Full());
    if (i < length) all_rows(i, First{length - i});
  }

  HWY_INLINE void all() const {
    if (tile.form == Form::kRuns) {
      for_runs(tile, [&](const Run& r) {
        const V q = hn::Set(d, tile.q != nullptr ? tile.q[r.group] : 0.0F);
        const V s = hn::Set(d, tile.q != nullptr ? tile.s[r.group] : 0.0F);
        run(RunSource(tile.coefficients, r.group).affine, q, s, r.offset, r.bits,
            weight_at(tile.weights, r.segment * tile.weight_stride), r.length);
      });
      return;
    }
    const LaneSource lane_source(tile.coefficients);
    for_panels(tile, [&](const Panel& panel) {
      const float* w = weight_at(tile.weights, panel.segment * tile.weight_stride + panel.in_segment);
      const std::int64_t weight_stride = panel.is_segments ? tile.weight_stride : panel.stride;
      for_row_blocks<4>(panel.rows, [&](auto count, std::int64_t r) {
        rows<count()>(lane_source, panel.offset + r * panel.stride, panel.stride,
                      bits_at(panel.bits, r * panel.bits_stride), panel.bits_stride,
                      weight_at(w, r * weight_stride), weight_stride, panel.length);
      });
    });
  }
};

template <template <class, Derivative> class Body, class T, class AnyTile>
void dispatch_derivative_of(const AnyTile& tile) {
  switch (derivative_of(tile.activation, tile.bits != nullptr)) {
    case Derivative::kOne:
      return Body<T, Derivative::kOne>{tile}.all();
    case Derivative::kClamp:
      return Body<T, Derivative::kClamp>{tile}.all();
    case Derivative::kBits:
      return Body<T, Derivative::kBits>{tile}.all();
    case Derivative::kOther:
      return Body<T, Derivative::kOther>{tile}.all();
  }
}

template <template <class, Derivative> class Body, class AnyTile>
void dispatch_derivative(const AnyTile& tile) {
  tile.dtype == DType::kF32 ? dispatch_derivative_of<Body, float>(tile)
                            : dispatch_derivative_of<Body, std::uint16_t>(tile);
}

void gradient_moments_tile(const GradientMomentsTile& tile) { dispatch_derivative<GradientMomentsBody>(tile); }
void gradient_affine_tile(const GradientAffineTile& tile) { dispatch_derivative<GradientAffineBody>(tile); }

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
