// Elementwise functions and their derivatives on vectors. Compiled once per instruction set.

#if defined(EQUIPOISE_ENGINE_FUNCTION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef EQUIPOISE_ENGINE_FUNCTION_INL_H_
#undef EQUIPOISE_ENGINE_FUNCTION_INL_H_
#else
#define EQUIPOISE_ENGINE_FUNCTION_INL_H_
#endif

#include "equipoise/operations.h"
#include "norm/activation-inl.h"
#include "ops/function.h"

HWY_BEFORE_NAMESPACE();
namespace equipoise::engine::HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;
using norm::HWY_NAMESPACE::d;
using norm::HWY_NAMESPACE::V;

/// Φ(x), of which only the left half is computed: there erfc, a small number, keeps its digits.
/// erfc(z) = t·e^(−z² + p(t)), t = 1/(1 + z/2), to 1.2e-7 of its value everywhere (Press et al.,
/// Numerical Recipes, 2nd edition, section 6.2).
HWY_INLINE V normal_distribution(V x) {
  constexpr float kCoefficients[] = {0.17087277F,  -0.82215223F, 1.48851587F,
                                     -1.13520398F, 0.27886807F,  -0.18628806F,
                                     0.09678418F,  0.37409196F,  1.00002368F};
  const V one = hn::Set(d, 1.0F);
  const V z = hn::Mul(hn::Abs(x), hn::Set(d, 0.70710678F));
  const V t = hn::Div(one, hn::MulAdd(hn::Set(d, 0.5F), z, one));
  V p = hn::Set(d, kCoefficients[0]);
  for (std::size_t i = 1; i < std::size(kCoefficients); ++i) {
    p = hn::MulAdd(p, t, hn::Set(d, kCoefficients[i]));
  }
  p = hn::MulAdd(p, t, hn::Set(d, -1.26551223F));
  // x²/2 rather than z²: one rounding less in the exponent.
  const V exponent = hn::MulSub(hn::Mul(hn::Set(d, 0.5F), x), x, p);
  const V left = hn::Mul(hn::Mul(hn::Set(d, 0.5F), t), norm::HWY_NAMESPACE::exp_of_minus(exponent));
  return hn::IfThenElse(hn::Gt(x, hn::Zero(d)), hn::Sub(one, left), left);
}

HWY_INLINE V normal_density(V x) {
  const V exponent = hn::Mul(hn::Mul(hn::Set(d, 0.5F), x), x);
  return hn::Mul(hn::Set(d, 0.39894228F), norm::HWY_NAMESPACE::exp_of_minus(exponent));
}

/// One of these per loop, so that the loop knows what it computes.
struct Relu {
  HWY_INLINE V value(V x) const { return norm::HWY_NAMESPACE::relu(x); }
  HWY_INLINE V gradient(V x, V dy) const {
    return hn::IfThenZeroElse(norm::HWY_NAMESPACE::stopped_by_relu(x), dy);
  }
};
struct Relu6 {
  HWY_INLINE V value(V x) const { return norm::HWY_NAMESPACE::relu6(x); }
  HWY_INLINE V gradient(V x, V dy) const {
    return hn::IfThenZeroElse(norm::HWY_NAMESPACE::stopped_by_relu6(x), dy);
  }
};
struct Gelu {
  HWY_INLINE V value(V x) const { return hn::Mul(x, normal_distribution(x)); }
  HWY_INLINE V gradient(V x, V dy) const {
    return hn::Mul(dy, hn::MulAdd(x, normal_density(x), normal_distribution(x)));
  }
};
struct HardSigmoid {
  HWY_INLINE V value(V x) const {
    const V shifted = hn::Add(x, hn::Set(d, 3.0F));
    return hn::Mul(norm::HWY_NAMESPACE::relu6(shifted), hn::Set(d, 1.0F / 6.0F));
  }
  HWY_INLINE V gradient(V x, V dy) const {
    const auto inside = hn::Lt(hn::Abs(x), hn::Set(d, 3.0F));
    return hn::IfThenElseZero(inside, hn::Mul(dy, hn::Set(d, 1.0F / 6.0F)));
  }
};
struct Silu {
  HWY_INLINE V value(V x) const { return norm::HWY_NAMESPACE::silu(x); }
  HWY_INLINE V gradient(V x, V dy) const {
    return hn::Mul(dy, norm::HWY_NAMESPACE::silu_derivative(x));
  }
};
/// Of norm's; a call per vector.
struct Other {
  Activation activation;
  float slope;
  HWY_INLINE V value(V x) const { return norm::HWY_NAMESPACE::activate(activation, slope, x); }
  HWY_INLINE V gradient(V x, V dy) const {
    return hn::Mul(dy, norm::HWY_NAMESPACE::activation_derivative(activation, slope, x));
  }
};

/// Calls body with the one that computes a function.
template <class Body>
void with_function(ops::Function function, float slope, const Body& body) {
  switch (function) {
    case ops::Function::kRelu:
      return body(Relu());
    case ops::Function::kRelu6:
      return body(Relu6());
    case ops::Function::kSilu:
      return body(Silu());
    case ops::Function::kGelu:
      return body(Gelu());
    case ops::Function::kHardSigmoid:
      return body(HardSigmoid());
    default:
      return body(Other{*activation_of(function), slope});
  }
}

}  // namespace equipoise::engine::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();
#endif
