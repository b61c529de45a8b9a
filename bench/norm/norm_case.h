#pragma once

#include <cstdint>
#include <string>

#include "equipoise/norm.h"
#include "equipoise/tensor.h"

namespace equipoise::bench {

enum class Normalization : std::uint8_t { kBatch, kLayer, kGroup, kInstance };

const char* to_string(Normalization normalization);

/// What is measured: one normalization of one shape. For layer norm the shape is (tokens, width).
struct NormCase {
  Normalization normalization = Normalization::kBatch;
  Shape shape;
  std::int64_t groups = 32;
  Activation activation = Activation::kNone;
};

/// How the tensors of a case are stored.
struct Variant {
  Layout layout = Layout::kChannelsFirst;
  DType dtype = DType::kF32;

  bool operator==(const Variant&) const = default;
};

/// Throw Error for a name that is none of theirs.
Normalization parse_normalization(const std::string& name);
Layout parse_layout(const std::string& name);
DType parse_dtype(const std::string& name);
Activation parse_activation(const std::string& name);

}  // namespace equipoise::bench
