#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <onnx/onnx_pb.h>

namespace equipoise::formats {

/// A node of a file. Everything throws Error, naming the node, for what is of another type than
/// asked for.
class FileNode {
 public:
  explicit FileNode(const onnx::NodeProto& proto) : proto_(&proto) {}

  const std::string& type() const { return proto_->op_type(); }
  const std::string& domain() const { return proto_->domain(); }
  const std::string& name() const { return proto_->name(); }
  bool is(std::string_view type) const { return proto_->op_type() == type && is_standard(); }
  bool is_standard() const { return domain().empty() || domain() == "ai.onnx"; }

  int input_count() const { return proto_->input_size(); }
  bool has_input(int i) const { return i < input_count() && !proto_->input(i).empty(); }
  /// Throws Error if there is none.
  const std::string& input(int i) const;
  int output_count() const { return proto_->output_size(); }
  const std::string& output(int i = 0) const { return proto_->output(i); }

  bool has(std::string_view attribute) const { return find(attribute) != nullptr; }
  std::int64_t integer(std::string_view attribute, std::int64_t by_default) const;
  float number(std::string_view attribute, float by_default) const;
  std::string text(std::string_view attribute, std::string_view by_default) const;
  std::optional<std::vector<std::int64_t>> integers(std::string_view attribute) const;
  /// Null if there is none.
  const onnx::TensorProto* tensor(std::string_view attribute) const;

  [[noreturn]] void fail(std::string_view why) const;

 private:
  const onnx::AttributeProto* find(std::string_view attribute) const;
  const onnx::AttributeProto* find(std::string_view attribute,
                                   onnx::AttributeProto::AttributeType type) const;

  const onnx::NodeProto* proto_;
};

/// A constant of a file.
struct FileConstant {
  const onnx::TensorProto* tensor = nullptr;
  std::vector<std::int64_t> dimensions;
  /// Rather than the result of a node Constant, which is never trained.
  bool is_initializer = false;

  bool holds(float value) const;
  /// Of one element.
  std::optional<float> scalar() const;
};

/// The graph of a file: who computes what.
class OnnxFile {
 public:
  /// Throws Error for names that come twice, damaged or external values, and too many nodes.
  explicit OnnxFile(const onnx::ModelProto& model);

  const onnx::ModelProto& model() const { return model_; }
  std::int64_t opset() const { return opset_; }
  /// Whether `encode_onnx` wrote it.
  bool is_ours() const { return is_ours_; }
  std::span<const FileNode> nodes() const { return nodes_; }
  /// The node that computes it, or −1.
  int producer(const std::string& tensor) const;
  /// The same, of this type; null if it is computed otherwise.
  const FileNode* producer(const std::string& tensor, std::string_view type) const;
  /// Null if it is none.
  const FileConstant* constant(const std::string& tensor) const;
  /// Its values if it is a constant of integers.
  std::optional<std::vector<std::int64_t>> integers(const std::string& tensor) const;
  std::string metadata(std::string_view key) const;

 private:
  void add_constant(const std::string& name, const onnx::TensorProto& tensor, bool is_initializer);
  void add_node(const onnx::NodeProto& proto);

  const onnx::ModelProto& model_;
  std::int64_t opset_ = 0;
  bool is_ours_ = false;
  std::vector<FileNode> nodes_;
  std::map<std::string, int> producers_;
  std::map<std::string, FileConstant> constants_;
  /// Of nodes Constant that hold numbers in attributes.
  std::vector<std::unique_ptr<onnx::TensorProto>> made_;
};

}  // namespace equipoise::formats
