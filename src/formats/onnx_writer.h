#pragma once

#include <cstdint>
#include <initializer_list>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <onnx/onnx_pb.h>

#include "equipoise/graph.h"
#include "formats/onnx_training.h"

namespace equipoise::formats {

/// Appends the nodes that one node of a graph becomes. The last one has its name, what comes before
/// is called "<name>/<part>"; tensors are called as the nodes that compute them.
class OnnxNodes {
 public:
  OnnxNodes(const Graph& graph, const Node& node, onnx::GraphProto& file, TrainingNotes& notes,
            std::set<std::string_view>& functions)
      : graph_(graph), node_(node), file_(file), notes_(notes), functions_(functions) {}

  const Node& node() const { return node_; }
  TrainingNotes& notes() { return notes_; }
  bool has(int input) const { return static_cast<bool>(id(input)); }
  /// Its name in the file.
  const std::string& input(int i) const { return graph_.tensor(id(i)).name; }
  const GraphShape& shape(int i) const { return graph_.tensor(id(i)).type.shape; }
  const std::string& output() const { return graph_.tensor(node_.outputs[0]).name; }
  const GraphShape& output_shape() const { return graph_.tensor(node_.outputs[0]).type.shape; }

  /// A step on the way, whose result is called "<name>/<part>".
  std::string add(std::string_view operation, std::string_view part,
                  std::initializer_list<std::string> inputs);
  /// The step that computes the node's result.
  void finish(std::string_view operation, std::span<const std::string> inputs);
  void finish(std::string_view operation, std::initializer_list<std::string> inputs) {
    finish(operation, std::span(inputs.begin(), inputs.size()));
  }
  /// One of onnx_functions.h.
  void finish_function(std::string_view function, std::initializer_list<std::string> inputs);

  /// Constants.
  std::string integers(std::string_view part, const std::vector<std::int64_t>& values);
  std::string number(std::string_view part, float value);
  std::string numbers(std::string_view part, std::int64_t count, float value);
  /// A vector of one value per channel, as (C, 1, …) with this many ones.
  std::string per_channel(const std::string& vector, std::string_view part, int ones);

  /// Of the node that was added last.
  void attribute(const char* name, std::int64_t value);
  void attribute(const char* name, float value);
  void attribute(const char* name, std::span<const std::int64_t> values);

  /// Throws Error that this node cannot be written.
  [[noreturn]] void fail(std::string_view why) const;

 private:
  TensorId id(int input) const { return node_.inputs[static_cast<std::size_t>(input)]; }
  std::string part_name(std::string_view part) const;
  onnx::NodeProto& append(std::string_view operation, std::string name, std::string output);
  onnx::AttributeProto& new_attribute(const char* name, onnx::AttributeProto::AttributeType type);
  onnx::TensorProto& constant(const std::string& name);

  const Graph& graph_;
  const Node& node_;
  onnx::GraphProto& file_;
  TrainingNotes& notes_;
  std::set<std::string_view>& functions_;
};

/// Writes a node; throws Error for an operation that files cannot hold.
void write_operation(OnnxNodes& nodes);
void write_norm(OnnxNodes& nodes, const NormAttributes& norm);
/// f(x), into the node's result.
void write_function(OnnxNodes& nodes, ops::Function function, float negative_slope,
                    const std::string& x);

}  // namespace equipoise::formats
