#include <algorithm>
#include <cmath>
#include <limits>

#include "norm/reference.h"

namespace equipoise::reference {

// A NaN stays one: every comparison below sends it to a branch that keeps it.
double activate(const Arguments& arguments, double z) {
  switch (arguments.activation) {
    case Activation::kNone:
      return z;
    case Activation::kRelu:
      return z < 0 ? 0 : z;
    case Activation::kRelu6:
      return z < 0 ? 0 : z > 6 ? 6 : z;
    case Activation::kLeakyRelu:
      return z > 0 ? z : arguments.negative_slope * z;
    case Activation::kSilu:
      return z / (1 + std::exp(-z));
    case Activation::kSigmoid:
      return 1 / (1 + std::exp(-z));
    case Activation::kTanh:
      return std::tanh(z);
    case Activation::kHardSwish: {
      const double gate = z < -3 ? 0 : z > 3 ? 6 : z + 3;
      return z * gate / 6;
    }
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double activation_derivative(const Arguments& arguments, double z) {
  switch (arguments.activation) {
    case Activation::kNone:
      return 1;
    case Activation::kRelu:
      return z > 0 ? 1 : 0;
    case Activation::kRelu6:
      return z > 0 && z < 6 ? 1 : 0;
    case Activation::kLeakyRelu:
      return z > 0 ? 1 : arguments.negative_slope;
    case Activation::kSilu: {
      const double sigmoid = 1 / (1 + std::exp(-z));
      return sigmoid + z * sigmoid * (1 - sigmoid);
    }
    case Activation::kSigmoid: {
      const double sigmoid = 1 / (1 + std::exp(-z));
      return sigmoid * (1 - sigmoid);
    }
    case Activation::kTanh:
      return 1 - std::tanh(z) * std::tanh(z);
    case Activation::kHardSwish:
      return z <= -3 ? 0 : z >= 3 ? 1 : (2 * z + 3) / 6;
  }
  return std::numeric_limits<double>::quiet_NaN();
}

double distance_to_kink(Activation activation, double z) {
  switch (activation) {
    case Activation::kRelu:
    case Activation::kLeakyRelu:
      return std::abs(z);
    case Activation::kRelu6:
      return std::min(std::abs(z), std::abs(z - 6));
    case Activation::kHardSwish:
      return std::min(std::abs(z + 3), std::abs(z - 3));
    default:
      return std::numeric_limits<double>::infinity();
  }
}

}  // namespace equipoise::reference
