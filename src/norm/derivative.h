#pragma once

#include <cstdint>

#include "equipoise/norm.h"

namespace equipoise::norm {

/// What a backward finds act'(z) from.
enum class DerivativeFrom : std::uint8_t {
  kNothing,  ///< it is 1
  kBit,      ///< it has two values, which one bit per element tells apart
  kZ,        ///< z, and so the residual in it
};

constexpr DerivativeFrom derivative_from(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return DerivativeFrom::kNothing;
    case Activation::kRelu:
    case Activation::kRelu6:
    case Activation::kLeakyRelu:
      return DerivativeFrom::kBit;
    case Activation::kSilu:
    case Activation::kSigmoid:
    case Activation::kTanh:
    case Activation::kHardSwish:
      return DerivativeFrom::kZ;
  }
  return DerivativeFrom::kZ;
}

}  // namespace equipoise::norm
