#include "norm/norm_case.h"

#include <array>

#include "equipoise/error.h"

namespace equipoise::bench {
namespace {

// The one of `values` that `to_string` calls `name`.
template <class Value, std::size_t kCount>
Value parse(const std::string& name, const std::array<Value, kCount>& values) {
  for (const Value value : values) {
    if (name == to_string(value)) return value;
  }
  throw Error("\"" + name + "\" is not a name that the benchmarks know");
}

}  // namespace

const char* to_string(Normalization normalization) {
  switch (normalization) {
    case Normalization::kBatch:
      return "batch";
    case Normalization::kLayer:
      return "layer";
    case Normalization::kGroup:
      return "group";
    case Normalization::kInstance:
      return "instance";
  }
  return "unknown normalization";
}

Normalization parse_normalization(const std::string& name) {
  return parse(name, std::array{Normalization::kBatch, Normalization::kLayer, Normalization::kGroup,
                                Normalization::kInstance});
}

Layout parse_layout(const std::string& name) {
  return parse(name, std::array{Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8,
                                Layout::kBlocked16});
}

DType parse_dtype(const std::string& name) {
  return parse(name, std::array{DType::kF32, DType::kBF16});
}

Activation parse_activation(const std::string& name) {
  return name == "relu"   ? Activation::kRelu
         : name == "none" ? Activation::kNone
                          : throw Error("the benchmarks know the activations relu and none");
}

}  // namespace equipoise::bench
