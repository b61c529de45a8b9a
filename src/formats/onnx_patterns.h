#pragma once

#include <optional>
#include <string>

#include "formats/onnx_reader.h"

namespace equipoise::formats {

/// Group and RMS normalization, layer normalization from its parts or of channels, as frameworks
/// and `encode_onnx` take them apart.
std::optional<OnnxPattern> find_norm(const OnnxFile& file, const FileNode& last);

/// The value of a constant of one element.
std::optional<float> scalar_of(const OnnxFile& file, const std::string& tensor);

}  // namespace equipoise::formats
