#include "ops/function.h"

#include <cassert>
#include <cmath>
#include <limits>
#include <numbers>

namespace equipoise {
namespace {

using ops::Function;

double sigmoid(double x) { return 1 / (1 + std::exp(-x)); }

/// Φ(x), the distribution function of the normal distribution. By erfc, which loses no digits far
/// to the left.
double normal_distribution(double x) { return 0.5 * std::erfc(-x / std::numbers::sqrt2); }

double normal_density(double x) {
  return std::exp(-0.5 * x * x) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

/// min(max(x, 0), high). std::clamp and std::max would not say what becomes of a NaN.
double bounded(double x, double high) { return x < 0 ? 0 : x > high ? high : x; }

}  // namespace

std::string_view to_string(Function function) {
  switch (function) {
    case Function::kRelu:
      return "relu";
    case Function::kRelu6:
      return "relu6";
    case Function::kLeakyRelu:
      return "leaky_relu";
    case Function::kSilu:
      return "silu";
    case Function::kSigmoid:
      return "sigmoid";
    case Function::kTanh:
      return "tanh";
    case Function::kGelu:
      return "gelu";
    case Function::kHardSwish:
      return "hard_swish";
    case Function::kHardSigmoid:
      return "hard_sigmoid";
  }
  return "unknown";
}

double value_of(Function function, double x, double negative_slope) {
  switch (function) {
    case Function::kRelu:
      return x < 0 ? 0 : x;
    case Function::kRelu6:
      return bounded(x, 6);
    case Function::kLeakyRelu:
      return x > 0 ? x : negative_slope * x;
    case Function::kSilu:
      return x * sigmoid(x);
    case Function::kSigmoid:
      return sigmoid(x);
    case Function::kTanh:
      return std::tanh(x);
    case Function::kGelu:
      return x * normal_distribution(x);
    case Function::kHardSwish:
      return x * bounded(x + 3, 6) / 6;
    case Function::kHardSigmoid:
      return bounded(x + 3, 6) / 6;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double derivative_of(Function function, double x, double negative_slope) {
  switch (function) {
    case Function::kRelu:
      return x > 0 ? 1 : 0;
    case Function::kRelu6:
      return x > 0 && x < 6 ? 1 : 0;
    case Function::kLeakyRelu:
      return x > 0 ? 1 : negative_slope;
    case Function::kSilu:
      return sigmoid(x) * (1 + x * (1 - sigmoid(x)));
    case Function::kSigmoid:
      return sigmoid(x) * (1 - sigmoid(x));
    case Function::kTanh:
      return 1 - std::tanh(x) * std::tanh(x);
    case Function::kGelu:
      return normal_distribution(x) + x * normal_density(x);
    case Function::kHardSwish:
      return x <= -3 ? 0 : x >= 3 ? 1 : (2 * x + 3) / 6;
    case Function::kHardSigmoid:
      return x > -3 && x < 3 ? 1.0 / 6 : 0;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

Function function_of(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      break;
    case Activation::kRelu:
      return Function::kRelu;
    case Activation::kRelu6:
      return Function::kRelu6;
    case Activation::kLeakyRelu:
      return Function::kLeakyRelu;
    case Activation::kSilu:
      return Function::kSilu;
    case Activation::kSigmoid:
      return Function::kSigmoid;
    case Activation::kTanh:
      return Function::kTanh;
    case Activation::kHardSwish:
      return Function::kHardSwish;
  }
  assert(false && "no function is applied");
  return Function::kRelu;
}

std::optional<Activation> activation_of(Function function) {
  switch (function) {
    case Function::kRelu:
      return Activation::kRelu;
    case Function::kRelu6:
      return Activation::kRelu6;
    case Function::kLeakyRelu:
      return Activation::kLeakyRelu;
    case Function::kSilu:
      return Activation::kSilu;
    case Function::kSigmoid:
      return Activation::kSigmoid;
    case Function::kTanh:
      return Activation::kTanh;
    case Function::kHardSwish:
      return Activation::kHardSwish;
    case Function::kGelu:
    case Function::kHardSigmoid:
      return std::nullopt;
  }
  return std::nullopt;
}

double value_of(Activation activation, double z, double negative_slope) {
  return activation == Activation::kNone ? z : value_of(function_of(activation), z, negative_slope);
}

double derivative_of(Activation activation, double z, double negative_slope) {
  return activation == Activation::kNone
             ? 1
             : derivative_of(function_of(activation), z, negative_slope);
}

}  // namespace equipoise
