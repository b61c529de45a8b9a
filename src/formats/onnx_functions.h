#pragma once

#include <string_view>

#include <onnx/onnx_pb.h>

namespace equipoise::formats {

/// The definition, in operations of ONNX, of one of the functions that files bring along because
/// ONNX has no such operation: kMaskedSoftmax (x, mask), kMaskedMean (x, mask) and
/// kMaskedNormalization (x, weight, bias, position_weights; group and instance normalization).
onnx::FunctionProto onnx_function(std::string_view name);

}  // namespace equipoise::formats
