#include "formats/onnx_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "formats/onnx.h"
#include "formats/onnx_functions.h"
#include "formats/onnx_names.h"
#include "graph/operation.h"

namespace equipoise::formats {
namespace {

static_assert(std::endian::native == std::endian::little, "files have the bytes of memory");

/// Which nodes and tensors the graph's outputs need.
struct Needed {
  explicit Needed(const Graph& graph)
      : nodes(graph.nodes().size()), tensors(graph.tensors().size()) {
    for (const TensorId output : graph.outputs()) need(output);
    for (std::size_t i = nodes.size(); i-- > 0;) {
      const Node& node = graph.nodes()[i];
      nodes[i] = std::ranges::any_of(node.outputs, [&](TensorId id) { return id && has(id); });
      if (nodes[i]) std::ranges::for_each(node.inputs, [&](TensorId id) { need(id); });
    }
  }
  bool has(TensorId id) const { return tensors[static_cast<std::size_t>(id.index)]; }
  void need(TensorId id) {
    if (id) tensors[static_cast<std::size_t>(id.index)] = true;
  }

  std::vector<bool> nodes;
  std::vector<bool> tensors;
};

class ModelWriter {
 public:
  ModelWriter(const Graph& graph, std::span<const ConstStateView> state)
      : graph_(graph), needed_(graph) {
    for (const ConstStateView& entry : state) state_.emplace(entry.name, &entry);
  }

  onnx::ModelProto write() {
    model_.set_ir_version(kIrVersion);
    model_.set_producer_name(std::string(kProducer));
    import_opset("", kOpset);
    onnx::GraphProto& file = *model_.mutable_graph();
    file.set_name(graph_.name());
    for (std::size_t i = 0; i < needed_.tensors.size(); ++i) {
      if (needed_.tensors[i]) write_tensor(graph_.tensors()[i]);
    }
    std::set<std::string_view> functions;
    for (std::size_t i = 0; i < needed_.nodes.size(); ++i) {
      if (!needed_.nodes[i]) continue;
      OnnxNodes nodes(graph_, graph_.nodes()[i], file, notes_, functions);
      write_operation(nodes);
    }
    if (!functions.empty()) import_opset(kDomain, kDomainVersion);
    for (const std::string_view name : functions) *model_.add_functions() = onnx_function(name);
    for (const TensorId output : graph_.outputs()) write_output(graph_.tensor(output));
    return std::move(model_);
  }

  const TrainingNotes& notes() const { return notes_; }

 private:
  void import_opset(std::string_view domain, std::int64_t version) {
    onnx::OperatorSetIdProto& opset = *model_.add_opset_import();
    opset.set_domain(std::string(domain));
    opset.set_version(version);
  }

  static void describe(const TensorInfo& info, onnx::ValueInfoProto& value) {
    value.set_name(info.name);
    onnx::TypeProto::Tensor& type = *value.mutable_type()->mutable_tensor_type();
    type.set_elem_type(info.type.dtype == DType::kI32 ? onnx::TensorProto::INT32
                                                      : onnx::TensorProto::FLOAT);
    onnx::TensorShapeProto& shape = *type.mutable_shape();
    for (const std::int64_t dimension : info.type.shape.dimensions()) {
      if (dimension == GraphShape::kBatch) {
        shape.add_dim()->set_dim_param(std::string(kBatchName));
      } else {
        shape.add_dim()->set_dim_value(dimension);
      }
    }
  }

  void write_output(const TensorInfo& info) {
    if (info.role != TensorRole::kResult || info.type.record) {
      throw Error(
          fmt::format("graph '{}': output '{}' cannot be written to an ONNX file: no node "
                      "computes it as a tensor",
                      graph_.name(), info.name));
    }
    describe(info, *model_.mutable_graph()->add_output());
  }

  void write_tensor(const TensorInfo& info) {
    onnx::GraphProto& file = *model_.mutable_graph();
    switch (info.role) {
      case TensorRole::kInput:
        describe(info, *file.add_input());
        break;
      case TensorRole::kParameter:
      case TensorRole::kBuffer:
        write_values(info, kept_values(info), *file.add_initializer());
        write_notes(info);
        break;
      case TensorRole::kConstant: {
        onnx::NodeProto& node = *file.add_node();
        node.set_op_type("Constant");
        node.set_name(info.name);
        node.add_output(info.name);
        onnx::AttributeProto& value = *node.add_attribute();
        value.set_name("value");
        value.set_type(onnx::AttributeProto::TENSOR);
        write_values(info, *info.values, *value.mutable_t());
        break;
      }
      case TensorRole::kResult:
        break;
    }
  }

  static void write_values(const TensorInfo& info, std::span<const float> values,
                           onnx::TensorProto& tensor) {
    tensor.set_name(info.name);
    tensor.set_data_type(onnx::TensorProto::FLOAT);
    for (const std::int64_t dimension : info.type.shape.dimensions()) tensor.add_dims(dimension);
    std::string& bytes = *tensor.mutable_raw_data();
    bytes.resize(values.size_bytes());
    if (!values.empty()) std::memcpy(bytes.data(), values.data(), bytes.size());
  }

  std::span<const float> kept_values(const TensorInfo& info) const {
    const auto fail = [&](std::string_view what) {
      throw Error(fmt::format("graph '{}': '{}' of shape {} cannot be written: {}", graph_.name(),
                              info.name, to_string(info.type.shape), what));
    };
    const auto found = state_.find(info.name);
    if (found == state_.end()) fail("the state has no such tensor");
    const auto* values = std::get_if<std::span<const float>>(&found->second->values);
    if (values == nullptr) fail("the state has integers for it");
    const std::int64_t needed = info.type.shape.resolve(1).element_count();
    if (static_cast<std::int64_t>(values->size()) != needed) {
      fail(fmt::format("the state has {} values for it, not {}", values->size(), needed));
    }
    return *values;
  }

  void write_notes(const TensorInfo& info) {
    if (info.frozen) notes_.freeze(info.name);
    if (info.role != TensorRole::kBuffer) return;
    notes_.note_buffer(info.name);
    // As State names it.
    std::string layer = info.name;
    if (layer.ends_with(".running_mean")) layer.resize(layer.rfind('.'));
    const auto found = state_.find(layer + ".num_batches_tracked");
    if (found == state_.end()) return;
    const auto* values = std::get_if<std::span<const std::int64_t>>(&found->second->values);
    if (values != nullptr && values->size() == 1) {
      notes_.note_count(found->first, values->front());
    }
  }

  const Graph& graph_;
  Needed needed_;
  std::map<std::string_view, const ConstStateView*> state_;
  TrainingNotes notes_;
  onnx::ModelProto model_;
};

void add_metadata(onnx::ModelProto& model, std::string_view key, std::string value) {
  onnx::StringStringEntryProto& entry = *model.add_metadata_props();
  entry.set_key(std::string(key));
  entry.set_value(std::move(value));
}

}  // namespace

ConstStateView KeptTensor::view() const {
  return std::visit(
      [&](const auto& list) {
        return ConstStateView{name, std::span(list)};
      },
      values);
}

std::string encode_onnx(const Graph& graph, std::span<const ConstStateView> state,
                        const Metadata& metadata) {
  ModelWriter writer(graph, state);
  onnx::ModelProto model = writer.write();
  for (const auto& [key, value] : metadata) add_metadata(model, key, value);
  add_metadata(model, kTrainingKey, writer.notes().text());
  add_metadata(model, kVersionKey, std::string(kVersion));
  if (model.ByteSizeLong() > std::numeric_limits<std::int32_t>::max()) {
    throw Error(fmt::format("graph '{}' with its values takes {} bytes; an ONNX file holds 2 GiB",
                            graph.name(), model.ByteSizeLong()));
  }
  // Fields by number, so the version is the last entry of the metadata, which is near the end.
  return model.SerializeAsString();
}

}  // namespace equipoise::formats
