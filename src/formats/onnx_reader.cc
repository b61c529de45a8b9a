#include "formats/onnx_reader.h"

#include <algorithm>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "formats/onnx_names.h"
#include "formats/onnx_values.h"

namespace equipoise::formats {
namespace {

GraphShape as_shape(std::span<const std::int64_t> dimensions) { return GraphShape(dimensions); }

std::string list_dimensions(const onnx::TensorShapeProto& shape) {
  std::string text;
  for (const auto& dimension : shape.dim()) {
    text += text.empty() ? "" : ", ";
    text += dimension.has_dim_value()   ? std::to_string(dimension.dim_value())
            : dimension.has_dim_param() ? dimension.dim_param()
                                        : "?";
  }
  return "(" + text + ")";
}

DType dtype_of(const onnx::ValueInfoProto& input) {
  switch (input.type().tensor_type().elem_type()) {
    case onnx::TensorProto::FLOAT:
      return DType::kF32;
    case onnx::TensorProto::INT32:
    case onnx::TensorProto::INT64:
      return DType::kI32;
    default:
      throw Error(
          fmt::format("input '{}' is neither of floats nor of integers; convert the model "
                      "to 32-bit floats",
                      input.name()));
  }
}

}  // namespace

OnnxReader::OnnxReader(const OnnxFile& file)
    : file_(file),
      graph_(file.model().graph().name().empty() ? "onnx" : file.model().graph().name()) {
  const std::string training = file.is_ours() ? file.metadata(kTrainingKey) : "";
  notes_ = training.empty() ? std::make_unique<TrainingNotes>() : TrainingNotes::parse(training);
}

OnnxModel OnnxReader::read() {
  choose_names();
  read_inputs();
  plan_nodes();
  for (const auto& step : steps_) {
    if (step) step();
  }
  read_outputs();
  for (const auto& [name, batches] : notes_->counts()) {
    state_.push_back({.name = name, .values = std::vector<std::int64_t>{batches}});
  }
  OnnxModel model{.graph = std::move(graph_), .state = std::move(state_)};
  for (const onnx::StringStringEntryProto& entry : file_.model().metadata_props()) {
    if (entry.key() != kTrainingKey && entry.key() != kVersionKey) {
      model.metadata[entry.key()] = entry.value();
    }
  }
  return model;
}

const std::string& OnnxReader::behind_identities(const std::string& tensor) const {
  const std::string* at = &tensor;
  // As many steps as nodes: whoever goes in a circle stops too.
  for (std::size_t i = 0; i < file_.nodes().size(); ++i) {
    const FileNode* identity = file_.producer(*at, "Identity");
    if (identity == nullptr) break;
    at = &identity->input(0);
  }
  return *at;
}

/// Our own files have the names of the graph.
void OnnxReader::choose_names() {
  if (file_.is_ours()) return;
  const onnx::GraphProto& graph = file_.model().graph();
  std::vector<std::string> images;
  for (const onnx::ValueInfoProto& input : graph.input()) {
    if (file_.constant(input.name()) != nullptr) continue;
    const onnx::TypeProto::Tensor& type = input.type().tensor_type();
    if (type.elem_type() == onnx::TensorProto::FLOAT && type.shape().dim_size() == 4) {
      images.push_back(input.name());
    }
  }
  if (images.size() == 1) names_[images[0]] = "image";
  if (graph.output_size() == 1) {
    const std::string& output = behind_identities(graph.output(0).name());
    const bool is_softmax = file_.producer(output, "Softmax") != nullptr;
    names_.emplace(output, is_softmax ? "probabilities" : "logits");
  }
}

void OnnxReader::read_inputs() {
  for (const onnx::ValueInfoProto& input : file_.model().graph().input()) {
    if (file_.constant(input.name()) != nullptr) continue;  // files before IR 4 list these too
    if (!input.type().has_tensor_type() || !input.type().tensor_type().has_shape()) {
      throw Error(fmt::format("input '{}' has no shape; export the model with one", input.name()));
    }
    const onnx::TensorShapeProto& shape = input.type().tensor_type().shape();
    std::vector<std::int64_t> dimensions;
    for (const auto& dimension : shape.dim()) {
      const bool first = dimensions.empty();
      if (dimension.has_dim_value() && (file_.is_ours() || !first)) {
        dimensions.push_back(dimension.dim_value());
      } else if (first) {
        if (dimension.has_dim_value()) fixed_batch_ = dimension.dim_value();
        dimensions.push_back(GraphShape::kBatch);
      } else {
        throw Error(
            fmt::format("input '{}' has the shape {}; only the first dimension, of samples, "
                        "may be open: export the model for one size",
                        input.name(), list_dimensions(shape)));
      }
    }
    const bool open = !dimensions.empty() && dimensions[0] == GraphShape::kBatch;
    count_elements(std::span(dimensions).subspan(open ? 1 : 0),
                   fmt::format("input '{}'", input.name()));
    const auto renamed = names_.find(input.name());
    const std::string& name = renamed == names_.end() ? input.name() : renamed->second;
    set(input.name(), graph_.add_input(name, as_shape(dimensions), dtype_of(input)));
  }
}

void OnnxReader::plan_nodes() {
  const std::span<const FileNode> nodes = file_.nodes();
  std::vector<bool> needed(nodes.size());
  const auto need = [&](const std::string& tensor) {
    if (const int producer = file_.producer(tensor); producer >= 0) {
      needed[static_cast<std::size_t>(producer)] = true;
    }
  };
  for (const auto& output : file_.model().graph().output()) need(output.name());
  steps_.resize(nodes.size());
  for (std::size_t i = nodes.size(); i-- > 0;) {
    if (!needed[i]) continue;
    const FileNode& node = nodes[i];
    if (auto pattern = find_pattern(file_, node)) {
      std::ranges::for_each(pattern->reads, need);
      steps_[i] = [this, &node, build = std::move(pattern->build)] {
        set(node.output(), build(*this, name_of(node)));
      };
      continue;
    }
    const ReadNode read_node = find_node_reader(file_, node);
    if (read_node == nullptr) {
      node.fail(fmt::format("is of an operation that is not read; those that are: {}",
                            readable_operations()));
    }
    for (int input = 0; input < node.input_count(); ++input) {
      if (node.has_input(input)) need(node.input(input));
    }
    steps_[i] = [this, read_node, &node] { read_node(*this, node); };
  }
}

void OnnxReader::read_outputs() {
  if (file_.model().graph().output_size() == 0) throw Error("it has no output");
  for (const auto& output : file_.model().graph().output()) {
    graph_.add_output(tensor(output.name()));
  }
}

TensorId OnnxReader::find(const std::string& name) const {
  const auto found = tensors_.find(name);
  return found == tensors_.end() ? TensorId{} : found->second;
}

void OnnxReader::fail_unknown(const std::string& name) const {
  if (integers_.contains(name)) {
    throw Error(
        fmt::format("tensor '{}' holds sizes, and is read as something else than a shape", name));
  }
  throw Error(
      file_.producer(name) >= 0
          ? fmt::format("tensor '{}' is read before the node that computes it: the graph has a "
                        "cycle, or its nodes are not in order",
                        name)
          : fmt::format("tensor '{}' is read, but nothing computes it", name));
}

TensorId OnnxReader::tensor(const std::string& name) {
  if (const TensorId known = find(name)) return known;
  const FileConstant* found = file_.constant(name);
  if (found == nullptr) fail_unknown(name);
  return tensor(name, as_shape(found->dimensions));
}

TensorId OnnxReader::tensor(const std::string& name, const GraphShape& shape) {
  if (const TensorId known = find(name)) {
    if (this->shape(known) == shape) return known;
    if (file_.constant(name) == nullptr) {
      throw Error(fmt::format("tensor '{}' has the shape {}, not {}", name,
                              to_string(this->shape(known)), to_string(shape)));
    }
  }
  const FileConstant* found = file_.constant(name);
  if (found == nullptr) fail_unknown(name);
  const TensorId made = constant(name, *found, shape);
  tensors_.emplace(name, made);
  return made;
}

TensorId OnnxReader::constant(const std::string& name, const FileConstant& constant,
                              const GraphShape& shape) {
  if (count_elements(constant.dimensions, name) != count_elements(shape.dimensions(), name)) {
    throw Error(fmt::format("tensor '{}' has the shape {}, which should be {}", name,
                            to_string(as_shape(constant.dimensions)), to_string(shape)));
  }
  if (!constant.is_initializer || constant.dimensions.empty()) {
    return graph_.add_constant(free_name(name), shape, numbers_of(*constant.tensor));
  }
  return keep(name, shape, numbers_of(*constant.tensor),
              notes_->is_buffer(name) ? TensorRole::kBuffer : TensorRole::kParameter);
}

TensorId OnnxReader::keep(const std::string& name, const GraphShape& shape,
                          std::vector<float> values, TensorRole role) {
  const std::string free = free_name(name);
  const TensorId made = role == TensorRole::kBuffer ? graph_.add_buffer(free, shape)
                                                    : graph_.add_parameter(free, shape);
  if (notes_->is_frozen(name)) graph_.set_frozen(free);
  state_.push_back({.name = free, .values = std::move(values)});
  return made;
}

TensorId OnnxReader::transposed(const std::string& name) {
  if (const auto known = transposed_.find(name); known != transposed_.end()) return known->second;
  const FileConstant* found = file_.constant(name);
  if (found == nullptr || found->dimensions.size() != 2) {
    throw Error(fmt::format("tensor '{}' is no matrix of weights", name));
  }
  const auto rows = static_cast<std::size_t>(found->dimensions[0]);
  const auto columns = static_cast<std::size_t>(found->dimensions[1]);
  const std::vector<float> values = numbers_of(*found->tensor);
  std::vector<float> result(values.size());
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t j = 0; j < columns; ++j) result[j * rows + i] = values[i * columns + j];
  }
  const TensorId made = keep(name, {found->dimensions[1], found->dimensions[0]}, std::move(result),
                             TensorRole::kParameter);
  return transposed_[name] = made;
}

std::pair<TensorId, TensorId> OnnxReader::running(const FileNode& node, const std::string& mean,
                                                  const std::string& var, const GraphShape& shape) {
  const auto known = running_.find({mean, var});
  if (known != running_.end() && file_.is_ours()) return known->second;
  const auto make = [&](const std::string& name, std::string_view part) {
    const FileConstant* found = file_.constant(name);
    if (found == nullptr) {
      node.fail(
          fmt::format("has running statistics '{}' that are computed; export the model in "
                      "evaluation mode",
                      name));
    }
    if (as_shape(found->dimensions) != shape) {
      node.fail(fmt::format("has running statistics '{}' of shape {}, not {}", name,
                            to_string(as_shape(found->dimensions)), to_string(shape)));
    }
    // Exporters let layers share a tensor that has equal values, as before training.
    const bool taken = graph_.find_tensor(name).has_value();
    return keep(taken ? fmt::format("{}.{}", node.output(), part) : name, shape,
                numbers_of(*found->tensor), TensorRole::kBuffer);
  };
  const std::pair made{make(mean, "running_mean"), make(var, "running_var")};
  running_[{mean, var}] = made;
  return made;
}

std::optional<std::vector<std::int64_t>> OnnxReader::integers(const std::string& name) const {
  const auto found = integers_.find(name);
  if (found != integers_.end()) return found->second;
  return file_.integers(name);
}

void OnnxReader::set_integers(const std::string& name, std::vector<std::int64_t> values) {
  integers_[name] = std::move(values);
}

std::string OnnxReader::free_name(std::string name) {
  if (name.empty()) name = "unnamed";
  std::string free = name;
  while (graph_.find_tensor(free) || graph_.find_node(free)) {
    free = fmt::format("{}_{}", name, ++wanted_.try_emplace(name, 1).first->second);
  }
  return free;
}

std::string OnnxReader::name_of(const FileNode& node) {
  const auto chosen = names_.find(node.output());
  if (chosen != names_.end()) return free_name(chosen->second);
  return free_name(node.name().empty() ? node.output() : node.name());
}

void OnnxReader::set(const std::string& output, TensorId tensor) {
  std::span<const std::int64_t> dimensions = shape(tensor).dimensions();
  if (shape(tensor).batched()) dimensions = dimensions.subspan(1);
  count_elements(dimensions, fmt::format("tensor '{}'", output));
  tensors_[output] = tensor;
}

OnnxModel decode_onnx(std::span<const std::byte> bytes, std::string_view where) {
  try {
    if (bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) {
      throw Error("it has more than 2 GiB, which no ONNX file has");
    }
    onnx::ModelProto model;
    if (!model.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())) || !model.has_graph()) {
      throw Error("it is no ONNX model, or damaged");
    }
    const OnnxFile file(model);
    if (model.producer_name() == kProducer && !file.is_ours()) {
      throw Error(
          "its end with the metadata of equipoise is missing: it was cut off, or written anew by a "
          "tool that leaves them out");
    }
    if (file.is_ours() && file.metadata(kVersionKey) != kVersion) {
      throw Error(fmt::format("it is of version {}, not {}; read it with a newer equipoise",
                              file.metadata(kVersionKey), kVersion));
    }
    constexpr std::int64_t kOldest = 9;
    if (file.opset() < kOldest) {
      throw Error(
          fmt::format("its opset is {}; {} is the oldest that is read", file.opset(), kOldest));
    }
    return OnnxReader(file).read();
  } catch (const Error& error) {
    throw Error(fmt::format("'{}': {}", where, error.what()));
  }
}

}  // namespace equipoise::formats
