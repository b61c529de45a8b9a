#pragma once

#include "equipoise/model.h"
#include "formats/onnx.h"

namespace equipoise::model {

/// The entries `equipoise.preprocessing` and `equipoise.labels` of a file, JSON (docs/onnx.md).
formats::Metadata to_metadata(const ModelInfo& info);

/// Throws Error, naming the entry, for one that is not of that form. Others are left alone.
ModelInfo info_of(const formats::Metadata& metadata);

}  // namespace equipoise::model
