#pragma once

#include <cstdint>
#include <string>

#include "formats/onnx_reader.h"

namespace equipoise::formats {

/// Readers of single nodes, by subject; the table of all of them is in onnx_read_nodes.cc.
void read_batch_norm(OnnxReader& reader, const FileNode& node);
void read_instance_norm(OnnxReader& reader, const FileNode& node);
void read_layer_norm(OnnxReader& reader, const FileNode& node);
void read_group_norm(OnnxReader& reader, const FileNode& node);
void read_masked_norm(OnnxReader& reader, const FileNode& node);

void read_shape(OnnxReader& reader, const FileNode& node);
void read_reshape(OnnxReader& reader, const FileNode& node);
void read_flatten(OnnxReader& reader, const FileNode& node);
void read_squeeze(OnnxReader& reader, const FileNode& node);
void read_unsqueeze(OnnxReader& reader, const FileNode& node);
void read_transpose(OnnxReader& reader, const FileNode& node);
void read_concat(OnnxReader& reader, const FileNode& node);
void read_slice(OnnxReader& reader, const FileNode& node);
void read_split(OnnxReader& reader, const FileNode& node);
void read_pad(OnnxReader& reader, const FileNode& node);
void read_gather(OnnxReader& reader, const FileNode& node);
void read_cast(OnnxReader& reader, const FileNode& node);

void read_convolution(OnnxReader& reader, const FileNode& node);
void read_max_pool(OnnxReader& reader, const FileNode& node);
void read_average_pool(OnnxReader& reader, const FileNode& node);
void read_global_average_pool(OnnxReader& reader, const FileNode& node);
void read_global_max_pool(OnnxReader& reader, const FileNode& node);
void read_reduce_mean(OnnxReader& reader, const FileNode& node);

/// As 0 … rank − 1. Throws Error for one that is not.
int axis_of(const FileNode& node, std::int64_t axis, int rank);
/// "axes" and its like, which were attributes and became inputs; none if there are neither.
/// Throws Error for an input that is not known.
std::optional<std::vector<std::int64_t>> integers_of(const OnnxReader& reader, const FileNode& node,
                                                     std::string_view attribute, int input);
/// γ or β of this shape; none for a constant that is `neutral` everywhere and not trained.
TensorId norm_parameter(OnnxReader& reader, const std::string& name, const GraphShape& shape,
                        float neutral);
/// The last `trailing` dimensions.
GraphShape trailing_shape(const GraphShape& shape, int trailing);

}  // namespace equipoise::formats
