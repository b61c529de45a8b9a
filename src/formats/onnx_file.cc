#include "formats/onnx_file.h"

#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "formats/onnx_names.h"
#include "formats/onnx_values.h"

namespace equipoise::formats {
namespace {

using onnx::AttributeProto;

/// Names in graphs are searched for one by one.
constexpr int kMostNodes = 10000;

}  // namespace

void FileNode::fail(std::string_view why) const {
  throw Error(fmt::format("node '{}' ({}) {}", name().empty() ? output() : name(), type(), why));
}

const std::string& FileNode::input(int i) const {
  if (!has_input(i)) fail(fmt::format("has no input {}, which it needs", i));
  return proto_->input(i);
}

const AttributeProto* FileNode::find(std::string_view attribute) const {
  const auto& all = proto_->attribute();
  const auto found = std::ranges::find(all, attribute, &AttributeProto::name);
  return found == all.end() ? nullptr : &*found;
}

const AttributeProto* FileNode::find(std::string_view attribute,
                                     AttributeProto::AttributeType type) const {
  const AttributeProto* found = find(attribute);
  if (found != nullptr && found->type() != type) {
    fail(fmt::format("has an attribute '{}' of another type than {}", attribute,
                     AttributeProto::AttributeType_Name(type)));
  }
  return found;
}

std::int64_t FileNode::integer(std::string_view attribute, std::int64_t by_default) const {
  const AttributeProto* found = find(attribute, AttributeProto::INT);
  return found == nullptr ? by_default : limited_integer(found->i(), attribute);
}

float FileNode::number(std::string_view attribute, float by_default) const {
  const AttributeProto* found = find(attribute, AttributeProto::FLOAT);
  return found == nullptr ? by_default : found->f();
}

std::string FileNode::text(std::string_view attribute, std::string_view by_default) const {
  const AttributeProto* found = find(attribute, AttributeProto::STRING);
  return found == nullptr ? std::string(by_default) : found->s();
}

std::optional<std::vector<std::int64_t>> FileNode::integers(std::string_view attribute) const {
  const AttributeProto* found = find(attribute, AttributeProto::INTS);
  if (found == nullptr) return std::nullopt;
  for (const std::int64_t value : found->ints()) limited_integer(value, attribute);
  return std::vector<std::int64_t>(found->ints().begin(), found->ints().end());
}

const onnx::TensorProto* FileNode::tensor(std::string_view attribute) const {
  const AttributeProto* found = find(attribute, AttributeProto::TENSOR);
  return found == nullptr ? nullptr : &found->t();
}

bool FileConstant::holds(float value) const {
  if (holds_integers(*tensor)) return false;
  return std::ranges::all_of(numbers_of(*tensor), [&](float v) { return v == value; });
}

std::optional<float> FileConstant::scalar() const {
  if (holds_integers(*tensor) || count_elements(dimensions, tensor->name()) != 1) {
    return std::nullopt;
  }
  return numbers_of(*tensor)[0];
}

OnnxFile::OnnxFile(const onnx::ModelProto& model) : model_(model) {
  is_ours_ = model.producer_name() == kProducer && !metadata(kVersionKey).empty();
  for (const onnx::OperatorSetIdProto& opset : model.opset_import()) {
    if (opset.domain().empty() || opset.domain() == "ai.onnx") opset_ = opset.version();
  }
  const onnx::GraphProto& graph = model.graph();
  if (graph.node_size() > kMostNodes) {
    throw Error(fmt::format("it has {} nodes; {} are the most", graph.node_size(), kMostNodes));
  }
  if (graph.sparse_initializer_size() > 0) {
    throw Error("it has sparse tensors, which are not read; save them dense");
  }
  for (const onnx::TensorProto& tensor : graph.initializer()) {
    add_constant(tensor.name(), tensor, true);
  }
  for (const onnx::NodeProto& node : graph.node()) add_node(node);
}

void OnnxFile::add_constant(const std::string& name, const onnx::TensorProto& tensor,
                            bool is_initializer) {
  FileConstant constant{.tensor = &tensor,
                        .dimensions = checked_dimensions(tensor),
                        .is_initializer = is_initializer};
  if (!constants_.emplace(name, std::move(constant)).second) {
    throw Error(fmt::format("tensor '{}' is given twice", name));
  }
}

void OnnxFile::add_node(const onnx::NodeProto& proto) {
  const FileNode node(proto);
  if (node.output_count() == 0) {
    throw Error(fmt::format("node '{}' ({}) has no output", node.name(), node.type()));
  }
  if (node.is("Constant")) {
    const onnx::TensorProto* tensor = node.tensor("value");
    if (tensor == nullptr) {
      onnx::TensorProto& made = *made_.emplace_back(std::make_unique<onnx::TensorProto>());
      made.set_name(node.output());
      if (const auto integers = node.integers("value_ints")) {
        made.set_data_type(onnx::TensorProto::INT64);
        made.add_dims(static_cast<std::int64_t>(integers->size()));
        for (const std::int64_t value : *integers) made.add_int64_data(value);
      } else if (node.has("value_int")) {
        made.set_data_type(onnx::TensorProto::INT64);
        made.add_int64_data(node.integer("value_int", 0));
      } else if (node.has("value_float")) {
        made.set_data_type(onnx::TensorProto::FLOAT);
        made.add_float_data(node.number("value_float", 0));
      } else {
        node.fail("has neither a tensor nor numbers");
      }
      tensor = &made;
    }
    return add_constant(node.output(), *tensor, false);
  }
  const int index = static_cast<int>(nodes_.size());
  for (int i = 0; i < node.output_count(); ++i) {
    const std::string& output = node.output(i);
    if (output.empty()) continue;
    if (constants_.contains(output) || !producers_.emplace(output, index).second) {
      node.fail(fmt::format("computes '{}', which is given already", output));
    }
  }
  nodes_.push_back(node);
}

int OnnxFile::producer(const std::string& tensor) const {
  const auto found = producers_.find(tensor);
  return found == producers_.end() ? -1 : found->second;
}

const FileNode* OnnxFile::producer(const std::string& tensor, std::string_view type) const {
  const int index = producer(tensor);
  if (index < 0) return nullptr;
  const FileNode& node = nodes_[static_cast<std::size_t>(index)];
  return node.is(type) && node.output() == tensor ? &node : nullptr;
}

const FileConstant* OnnxFile::constant(const std::string& tensor) const {
  const auto found = constants_.find(tensor);
  return found == constants_.end() ? nullptr : &found->second;
}

std::optional<std::vector<std::int64_t>> OnnxFile::integers(const std::string& tensor) const {
  const FileConstant* found = constant(tensor);
  if (found == nullptr || !holds_integers(*found->tensor)) return std::nullopt;
  return integers_of(*found->tensor);
}

std::string OnnxFile::metadata(std::string_view key) const {
  for (const onnx::StringStringEntryProto& entry : model_.metadata_props()) {
    if (entry.key() == key) return entry.value();
  }
  return "";
}

}  // namespace equipoise::formats
