// The activations and their derivatives on vectors. Compiled once per instruction set.

#if defined(EQUIPOISE_NORM_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_NORM_ACTIVATION_INL_H_
#undef EQUIPOISE_NORM_ACTIVATION_INL_H_
#else
#define EQUIPOISE_NORM_ACTIVATION_INL_H_
#endif

#include <limits>

#include <hwy/contrib/math/math-inl.h>

#include "equipoise/norm.h"
#include "norm/simd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::norm::HWY_NAMESPACE {

// e^−z, infinite where f32 overflows, NaN for NaN; Highway's is defined on [−104, 88.7].
HWY_INLINE V exp_of_minus(V z) {
  const V x = hn::Neg(z);
  const V limit = hn::Set(d, 88.7F);
  const V e = hn::Exp(d, hn::Min(x, limit));
  const V finite =
      hn::IfThenElse(hn::Gt(x, limit), hn::Set(d, std::numeric_limits<float>::infinity()), e);
  return hn::IfThenElse(hn::IsNaN(z), z, finite);
}

// 1 + e^−z, within 2e-7 of it; infinite where e^−z exceeds 2^127.5, anything for NaN.
//
// With n = round(−z/ln 2) and q = z + n·ln 2: e^−z = 2^n·e^−q, the latter by the polynomial that is
// nearest in relative error for |q| ≤ ln 2/2. Once a large number has been added, n stands in the
// lowest bits of the sum, and with the offset of an exponent a shift makes 2^n of it.
HWY_INLINE V one_plus_exp_of_minus(V z) {
  // At the one end n = 128, of which the shift makes infinity; at the other, the sum is 1.
  const V x = hn::Min(hn::Max(z, hn::Set(d, -88.72284F)), hn::Set(d, 86.0F));
  const V offset = hn::Set(d, 12582912.0F + 127.0F);  // 1.5·2²³
  const V shifted = hn::NegMulAdd(x, hn::Set(d, 1.442695F), offset);
  const V power = hn::BitCast(d, hn::ShiftLeft<23>(hn::BitCast(DU32(), shifted)));
  const V n = hn::Sub(shifted, offset);
  // ln 2 in two parts, of which n times the first is exact.
  const V q = hn::MulAdd(n, hn::Set(d, 1.4286068e-6F), hn::MulAdd(n, hn::Set(d, 0.69314575F), x));
  V p = hn::Set(d, -0.008289264F);
  p = hn::MulAdd(p, q, hn::Set(d, 0.04189816F));
  p = hn::MulAdd(p, q, hn::Set(d, -0.16667654F));
  p = hn::MulAdd(p, q, hn::Set(d, 0.49999148F));
  p = hn::MulAdd(p, q, hn::Set(d, -0.9999997F));
  p = hn::MulAdd(p, q, hn::Set(d, 1.0F));
  return hn::MulAdd(p, power, hn::Set(d, 1.0F));
}

// NaN does not pass through it.
HWY_INLINE V sigmoid_of_number(V z) { return hn::Div(hn::Set(d, 1.0F), one_plus_exp_of_minus(z)); }

HWY_INLINE V sigmoid(V z) { return hn::IfThenElse(hn::IsNaN(z), z, sigmoid_of_number(z)); }

HWY_INLINE V silu(V z) { return hn::Div(z, one_plus_exp_of_minus(z)); }

HWY_INLINE V silu_derivative(V z) {
  const V one = hn::Set(d, 1.0F);
  const V s = sigmoid_of_number(z);
  return hn::Mul(s, hn::MulAdd(z, hn::Sub(one, s), one));
}

// By comparisons, which leave a NaN alone; what Max and Min make of one depends on the target.
HWY_INLINE V relu(V z) { return hn::IfThenZeroElse(hn::Le(z, hn::Zero(d)), z); }
HWY_INLINE V relu6(V z) {
  const V six = hn::Set(d, 6.0F);
  const V positive = relu(z);
  return hn::IfThenElse(hn::Gt(positive, six), six, positive);
}

/// act(z) of all but ReLU and ReLU6. Not inlined: with every activation in every kernel, compiling
/// takes minutes. A call puts all vectors of its caller to memory and back, and costs as much as an
/// exponential; so kernels have SiLU, which whole networks use, inside.
HWY_NOINLINE inline V activate(Activation activation, float slope, V z) {
  switch (activation) {
    case Activation::kLeakyRelu:
      return hn::IfThenElse(hn::Gt(z, hn::Zero(d)), z, hn::Mul(hn::Set(d, slope), z));
    case Activation::kSilu:
      return silu(z);
    case Activation::kSigmoid:
      return sigmoid(z);
    case Activation::kTanh:
      return hn::Tanh(d, z);
    case Activation::kHardSwish:
      return hn::Mul(z, hn::Mul(relu6(hn::Add(z, hn::Set(d, 3.0F))), hn::Set(d, 1.0F / 6.0F)));
    default:
      return z;
  }
}

/// act'(z) of the same.
HWY_NOINLINE inline V activation_derivative(Activation activation, float slope, V z) {
  const V one = hn::Set(d, 1.0F);
  switch (activation) {
    case Activation::kLeakyRelu:
      return hn::IfThenElse(hn::Gt(z, hn::Zero(d)), one, hn::Set(d, slope));
    case Activation::kSilu:
      return silu_derivative(z);
    case Activation::kSigmoid: {
      const V s = sigmoid(z);
      return hn::Mul(s, hn::Sub(one, s));
    }
    case Activation::kTanh: {
      const V t = hn::Tanh(d, z);
      return hn::NegMulAdd(t, t, one);
    }
    case Activation::kHardSwish: {
      const V three = hn::Set(d, 3.0F);
      const V middle = hn::MulAdd(z, hn::Set(d, 1.0F / 3.0F), hn::Set(d, 0.5F));
      return hn::IfThenElse(hn::Ge(z, three), one,
                            hn::IfThenZeroElse(hn::Le(z, hn::Neg(three)), middle));
    }
    default:
      return one;
  }
}

/// Where ReLU and ReLU6 stop the gradient: not at NaN, as in PyTorch. To be used with
/// IfThenZeroElse: of IfThenElseZero and a load, g++ makes a load under a mask for AVX-512, which
/// waits for z, and memory is asked for dy only when x has come. The backward of (16, 512, 28, 28),
/// channels_last, one thread, went from 7.8 ms to 3.1 without.
HWY_INLINE hn::Mask<D> stopped_by_relu(V z) { return hn::Le(z, hn::Zero(d)); }
HWY_INLINE hn::Mask<D> stopped_by_relu6(V z) {
  return hn::Or(hn::Le(z, hn::Zero(d)), hn::Ge(z, hn::Set(d, 6.0F)));
}

}  // namespace equipoise::norm::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
