// What kernels 3 and 4 share: dz, and the dispatch over where its factor act'(z) comes from.
// Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_GRADIENT_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_GRADIENT_INL_H_
#undef EQUIPOISE_NORM_GRADIENT_INL_H_
#else
#define EQUIPOISE_NORM_GRADIENT_INL_H_
#endif

#include "norm/affine-inl.h"
#include "norm/gradient.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

/// Where act'(z) comes from.
enum class Derivative {
  kOne,    ///< no activation
  kRelu,   ///< ReLU of a z computed again
  kRelu6,  ///< ReLU6 of the same
  kBits,   ///< the tile's bits
  kSilu,   ///< SiLU of a z computed again
  kOther,  ///< any other activation, z computed again
};

inline Derivative derivative_of(Activation activation, bool has_bits) {
  switch (act_of(activation)) {
    case Act::kNone:
      return Derivative::kOne;
    case Act::kRelu:
      return has_bits ? Derivative::kBits : Derivative::kRelu;
    case Act::kRelu6:
      return has_bits ? Derivative::kBits : Derivative::kRelu6;
    case Act::kSilu:
      return has_bits ? Derivative::kBits : Derivative::kSilu;
    case Act::kOther:
      return has_bits ? Derivative::kBits : Derivative::kOther;
  }
  return Derivative::kOther;
}

/// Of a z that includes the residual.
constexpr bool is_smooth(Derivative derivative) {
  return derivative == Derivative::kSilu || derivative == Derivative::kOther;
}

struct Gradient {
  V dz, deviation;
};

/// `kPlain`: no second dy, no weights, no scale; which spares the tests for them.
template <class T, Derivative kDerivative, bool kPlain = false>
struct GradientSource {
  const GradientTile& tile;
  const T* x = static_cast<const T*>(tile.x);
  const T* residual = static_cast<const T*>(tile.residual);
  const T* dy = static_cast<const T*>(tile.dy);
  const T* dy_second = static_cast<const T*>(tile.dy_second);

  // dz and (x − m)·scale of n elements at `offset`, whose bits are at i, and whose weights are at w
  // (or w is null).
  template <class N>
  HWY_INLINE Gradient at(const Affine& affine, std::int64_t offset, N n, const std::uint8_t* bits,
                         std::int64_t i, const float* w) const {
    V deviation = affine.deviation(load(x + offset, n));
    V incoming = load(dy + offset, n);
    if (!kPlain && dy_second != nullptr) incoming = hn::Add(incoming, load(dy_second + offset, n));
    V dz = incoming;
    if constexpr (kDerivative == Derivative::kRelu) {
      dz = hn::IfThenZeroElse(stopped_by_relu(affine.z(deviation)), incoming);
    } else if constexpr (kDerivative == Derivative::kRelu6) {
      dz = hn::IfThenZeroElse(stopped_by_relu6(affine.z(deviation)), incoming);
    } else if constexpr (kDerivative == Derivative::kBits) {
      const auto pass = load_bits(bits, i, n);
      dz = tile.activation == Activation::kLeakyRelu
               ? hn::IfThenElse(pass, incoming, hn::Mul(incoming, hn::Set(d, tile.negative_slope)))
               : hn::IfThenElseZero(pass, incoming);
    } else if constexpr (is_smooth(kDerivative)) {
      V z = affine.z(deviation);
      if (residual != nullptr) z = hn::Add(z, load(residual + offset, n));
      V derivative;
      if constexpr (kDerivative == Derivative::kSilu) {
        derivative = silu_derivative(z);
      } else {
        derivative = activation_derivative(tile.activation, tile.negative_slope, z);
      }
      dz = hn::Mul(incoming, derivative);
    }
    if constexpr (!std::is_same_v<N, Full>) {
      dz = hn::IfThenElseZero(n.mask(), dz);
      deviation = hn::IfThenElseZero(n.mask(), deviation);
    }
    if (!kPlain && w != nullptr) {
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
HWY_INLINE const float* weight_at(const float* w, std::int64_t i) {
  return w != nullptr ? w + i : nullptr;
}

template <template <class, Derivative> class Body, class T, class AnyTile>
void dispatch_derivative_of(const AnyTile& tile) {
  switch (derivative_of(tile.activation, tile.bits != nullptr)) {
    case Derivative::kOne:
      return Body<T, Derivative::kOne>{tile}.all();
    case Derivative::kRelu:
      return Body<T, Derivative::kRelu>{tile}.all();
    case Derivative::kRelu6:
      return Body<T, Derivative::kRelu6>{tile}.all();
    case Derivative::kBits:
      return Body<T, Derivative::kBits>{tile}.all();
    case Derivative::kSilu:
      return Body<T, Derivative::kSilu>{tile}.all();
    case Derivative::kOther:
      return Body<T, Derivative::kOther>{tile}.all();
  }
}

template <template <class, Derivative> class Body, class AnyTile>
void dispatch_derivative(const AnyTile& tile) {
  tile.dtype == DType::kF32 ? dispatch_derivative_of<Body, float>(tile)
                            : dispatch_derivative_of<Body, std::uint16_t>(tile);
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
