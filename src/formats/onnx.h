#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/layers.h"

namespace equipoise::formats {

/// What a network keeps: a parameter, a buffer, or how many batches running statistics have seen.
struct KeptTensor {
  std::string name;
  std::variant<std::vector<float>, std::vector<std::int64_t>> values;

  [[nodiscard]] ConstStateView view() const;
};

using Metadata = std::map<std::string, std::string>;

/// A network as a file holds it.
struct OnnxModel {
  Graph graph;
  /// Every parameter and buffer of the graph, and counts of batches as far as the file has them.
  std::vector<KeptTensor> state = {};
  /// What the file says besides; without the entries that are read into the graph.
  Metadata metadata = {};
};

/// The content of an ONNX file (opset 17, IR 8), as docs/onnx.md describes it: what the graph's
/// outputs need. `state` has every parameter and buffer of that.
///
/// Throws Error, naming the node, for operations that only training has and for batch normalization
/// without running statistics; for a parameter or buffer that is missing or has another number of
/// values; and for files beyond 2 GiB, which the format has not.
[[nodiscard]] std::string encode_onnx(const Graph& graph, std::span<const ConstStateView> state,
                                      const Metadata& metadata = {});

/// Reads what `encode_onnx` writes, and networks of others as far as they are made of operations
/// that there are (docs/onnx.md has the list). Of others' files, the only input that is an image is
/// called "image", the only output "logits", or "probabilities" behind a softmax. `where` names the
/// file in errors.
///
/// Throws Error for bytes that are not ONNX or are damaged, for weights in other files, and with
/// their names for nodes and tensors that cannot be read. What it takes in memory is proportional
/// to the number of bytes. Thread-safe.
[[nodiscard]] OnnxModel decode_onnx(std::span<const std::byte> bytes, std::string_view where);

}  // namespace equipoise::formats
