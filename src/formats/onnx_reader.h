#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/graph.h"
#include "formats/onnx.h"
#include "formats/onnx_file.h"
#include "formats/onnx_training.h"

namespace equipoise::formats {

/// The number of samples among integers that are known (of Shape and what is computed of it).
inline constexpr std::int64_t kSamples = std::numeric_limits<std::int64_t>::min();

/// Makes the graph of a file, node by node in the file's order.
class OnnxReader {
 public:
  explicit OnnxReader(const OnnxFile& file);

  /// Throws Error, naming node or tensor.
  OnnxModel read();

  const OnnxFile& file() const { return file_; }
  Graph& graph() { return graph_; }
  const TrainingNotes& notes() const { return *notes_; }
  const GraphShape& shape(TensorId tensor) const { return graph_.tensor(tensor).type.shape; }
  /// N of files that fix it.
  std::int64_t fixed_batch() const { return fixed_batch_; }

  /// What a node reads: the result of one before, an input, a parameter, a constant.
  TensorId tensor(const std::string& name);
  /// One that is there already, or none.
  TensorId find(const std::string& name) const;
  /// An initializer or constant, with these dimensions in place of its own; or, for other results,
  /// the tensor, which has to have them.
  TensorId tensor(const std::string& name, const GraphShape& shape);
  /// An initializer or constant (in, out) as (out, in).
  TensorId transposed(const std::string& name);
  /// Running statistics of batch normalization: an initializer as a buffer, of this node alone
  /// unless both are shared.
  std::pair<TensorId, TensorId> running(const FileNode& node, const std::string& mean,
                                        const std::string& var, const GraphShape& shape);

  /// What is known of integers: constants, and what is computed of shapes.
  std::optional<std::vector<std::int64_t>> integers(const std::string& name) const;
  void set_integers(const std::string& name, std::vector<std::int64_t> values);

  /// What the node that computes `output` is called in the graph.
  std::string name_of(const FileNode& node);
  /// A name that is free, which is this one if it is.
  std::string free_name(std::string name);
  void set(const std::string& output, TensorId tensor);

 private:
  void read_inputs();
  void read_outputs();
  void plan_nodes();
  void choose_names();
  const std::string& behind_identities(const std::string& tensor) const;
  TensorId keep(const std::string& name, const GraphShape& shape, std::vector<float> values,
                TensorRole role);
  TensorId constant(const std::string& name, const FileConstant& constant, const GraphShape& shape);
  [[noreturn]] void fail_unknown(const std::string& name) const;

  const OnnxFile& file_;
  Graph graph_;
  std::unique_ptr<TrainingNotes> notes_;
  std::vector<KeptTensor> state_;
  std::int64_t fixed_batch_ = 0;
  std::map<std::string, TensorId> tensors_;
  std::map<std::string, TensorId> transposed_;
  std::map<std::pair<std::string, std::string>, std::pair<TensorId, TensorId>> running_;
  std::map<std::string, std::vector<std::int64_t>> integers_;
  /// How often a name was wanted: thousands of nodes may have the same.
  std::map<std::string, int> wanted_;
  /// Of results that are to be called otherwise than their nodes.
  std::map<std::string, std::string> names_;
  /// Per node: none if no output needs it.
  std::vector<std::function<void()>> steps_;
};

/// Several nodes of a file that are one of the graph.
struct OnnxPattern {
  /// Tensors that it reads.
  std::vector<std::string> reads;
  /// Appends the node of this name and returns its result.
  std::function<TensorId(OnnxReader& reader, const std::string& name)> build;
};

/// That of which this node is the last one, if any.
std::optional<OnnxPattern> find_pattern(const OnnxFile& file, const FileNode& last);

/// How a node alone is read; null for operations that there are not.
using ReadNode = void (*)(OnnxReader& reader, const FileNode& node);
ReadNode find_node_reader(const OnnxFile& file, const FileNode& node);
/// "Add, AveragePool, …"
std::string readable_operations();

}  // namespace equipoise::formats
