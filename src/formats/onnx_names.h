#pragma once

#include <cstdint>
#include <string_view>

/// What writer and reader of ONNX files have to agree on.
namespace equipoise::formats {

inline constexpr std::int64_t kIrVersion = 8;
inline constexpr std::int64_t kOpset = 17;
inline constexpr std::string_view kProducer = "equipoise";

/// Domain of the functions in onnx_functions.h.
inline constexpr std::string_view kDomain = "equipoise";
inline constexpr std::int64_t kDomainVersion = 1;
inline constexpr std::string_view kMaskedSoftmax = "MaskedSoftmax";
inline constexpr std::string_view kMaskedMean = "MaskedMean";
inline constexpr std::string_view kMaskedNormalization = "MaskedNormalization";

/// Metadata. The version is the last entry: a file without it has been cut off.
inline constexpr std::string_view kTrainingKey = "equipoise.training";
inline constexpr std::string_view kVersionKey = "equipoise.version";
inline constexpr std::string_view kVersion = "1";

/// The dimension that stands for the number of samples.
inline constexpr std::string_view kBatchName = "N";

}  // namespace equipoise::formats
