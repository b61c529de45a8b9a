#include "equipoise/graph.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/text.h"
#include "equipoise/error.h"
#include "graph/operation.h"
#include "graph/verify.h"

namespace equipoise {

GraphShape::GraphShape(std::initializer_list<std::int64_t> dimensions)
    : GraphShape(std::span(dimensions.begin(), dimensions.size())) {}

GraphShape::GraphShape(std::span<const std::int64_t> dimensions) {
  const bool batched = !dimensions.empty() && dimensions[0] == kBatch;
  std::vector<std::int64_t> known(dimensions.begin(), dimensions.end());
  if (batched) known[0] = 1;
  static_cast<void>(
      Shape(std::span<const std::int64_t>(known)));  // throws for what no shape can be
  std::ranges::copy(dimensions, dimensions_.begin());
  rank_ = static_cast<int>(dimensions.size());
}

Shape GraphShape::resolve(std::int64_t batch) const {
  std::vector<std::int64_t> known(dimensions().begin(), dimensions().end());
  if (batched()) known[0] = batch;
  return Shape(std::span<const std::int64_t>(known));
}

std::string to_string(const GraphShape& shape) {
  std::vector<std::string> parts;
  for (const std::int64_t d : shape.dimensions()) {
    parts.push_back(d == GraphShape::kBatch ? "N" : std::to_string(d));
  }
  return fmt::format("({})", fmt::join(parts, ", "));
}

void Graph::require_free_name(std::string_view name) const {
  if (name.empty()) throw Error(fmt::format("graph '{}': a tensor or node without a name", name_));
  if (find_tensor(name) || find_node(name)) {
    throw Error(
        fmt::format("graph '{}': the name '{}' is taken; names are used once", name_, name));
  }
}

TensorId Graph::add_tensor(TensorInfo info) {
  const bool kept = info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer;
  if (kept && info.type.shape.batched()) {
    throw Error(
        fmt::format("graph '{}': '{}' has shape {}, but what is kept between runs cannot "
                    "depend on the batch size N",
                    name_, info.name, to_string(info.type.shape)));
  }
  tensors_.push_back(std::move(info));
  return {static_cast<std::int32_t>(tensors_.size()) - 1};
}

TensorId Graph::add_input(std::string name, GraphShape shape, DType dtype) {
  require_free_name(name);
  return add_tensor({.name = std::move(name), .role = TensorRole::kInput, .type = {shape, dtype}});
}

TensorId Graph::add_parameter(std::string name, GraphShape shape, Initialization initialization) {
  require_free_name(name);
  return add_tensor({.name = std::move(name),
                     .role = TensorRole::kParameter,
                     .type = {.shape = shape},
                     .initialization = initialization});
}

TensorId Graph::add_buffer(std::string name, GraphShape shape, Initialization initialization) {
  require_free_name(name);
  return add_tensor({.name = std::move(name),
                     .role = TensorRole::kBuffer,
                     .type = {.shape = shape},
                     .initialization = initialization});
}

TensorId Graph::add_constant(std::string name, GraphShape shape, std::vector<float> values) {
  require_free_name(name);
  if (shape.batched()) {
    throw Error(
        fmt::format("graph '{}': constant '{}' has shape {}; what is part of the graph "
                    "cannot depend on the batch size N",
                    name_, name, to_string(shape)));
  }
  const std::int64_t needed = shape.resolve(1).element_count();
  if (needed != static_cast<std::int64_t>(values.size())) {
    throw Error(
        fmt::format("graph '{}': constant '{}' of shape {} was given {} values; it needs {}", name_,
                    name, to_string(shape), values.size(), needed));
  }
  return add_tensor({.name = std::move(name),
                     .role = TensorRole::kConstant,
                     .type = {.shape = shape},
                     .values = std::make_shared<const std::vector<float>>(std::move(values))});
}

namespace {

std::string output_name(const std::string& node, const Signature& signature, std::size_t i) {
  return signature.outputs.size() == 1 || i == 0
             ? node
             : fmt::format("{}:{}", node, signature.outputs[i].name);
}

}  // namespace

std::vector<TensorId> Graph::add_node(std::string name, std::shared_ptr<const Operation> operation,
                                      std::vector<TensorId> inputs, std::span<const bool> wanted) {
  require_free_name(name);
  const Signature signature = operation->signature();
  Node node{
      .name = std::move(name), .operation = std::move(operation), .inputs = std::move(inputs)};
  const std::vector<TensorType> types = infer_node(*this, node);
  const NodeId id{static_cast<std::int32_t>(nodes_.size())};
  std::vector<TensorInfo> made;
  for (std::size_t i = 0; i < signature.outputs.size(); ++i) {
    const bool is_made = !signature.outputs[i].optional || (i < wanted.size() && wanted[i]);
    node.outputs.push_back(
        is_made ? TensorId{static_cast<std::int32_t>(tensors_.size() + made.size())} : TensorId{});
    if (!is_made) continue;
    const std::string tensor = output_name(node.name, signature, i);
    if (tensor != node.name) require_free_name(tensor);
    made.push_back({.name = tensor, .type = types[i], .producer = id});
  }
  std::ranges::move(made, std::back_inserter(tensors_));
  nodes_.push_back(std::move(node));
  return nodes_.back().outputs;
}

namespace {

void require_output(const Graph& graph, TensorId tensor) {
  if (tensor && static_cast<std::size_t>(tensor.index) < graph.tensors().size()) return;
  throw Error(
      fmt::format("graph '{}': an output is to be number {} of its {} tensors; ids are "
                  "those that this graph gave",
                  graph.name(), tensor.index, graph.tensors().size()));
}

}  // namespace

void Graph::add_output(TensorId tensor) {
  require_output(*this, tensor);
  outputs_.push_back(tensor);
}

void Graph::set_outputs(std::vector<TensorId> outputs) {
  for (const TensorId tensor : outputs) require_output(*this, tensor);
  outputs_ = std::move(outputs);
}

std::vector<TensorId> Graph::with_role(TensorRole role) const {
  std::vector<TensorId> found;
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].role == role) found.push_back({static_cast<std::int32_t>(i)});
  }
  return found;
}

std::optional<TensorId> Graph::find_tensor(std::string_view name) const {
  const auto it = std::ranges::find(tensors_, name, &TensorInfo::name);
  if (it == tensors_.end()) return std::nullopt;
  return TensorId{static_cast<std::int32_t>(it - tensors_.begin())};
}

std::optional<NodeId> Graph::find_node(std::string_view name) const {
  const auto it = std::ranges::find(nodes_, name, &Node::name);
  if (it == nodes_.end()) return std::nullopt;
  return NodeId{static_cast<std::int32_t>(it - nodes_.begin())};
}

TensorId Graph::tensor(std::string_view name) const {
  if (const auto id = find_tensor(name)) return *id;
  std::vector<std::string_view> names;
  for (const TensorInfo& info : tensors_) names.push_back(info.name);
  throw Error(
      fmt::format("graph '{}' has no tensor '{}'{}", name_, name, did_you_mean(name, names)));
}

namespace {

/// The patterns "layer1.*", "layer1.0.*", … that match all below a part of a name, and names.
std::vector<std::string> patterns_of(const std::vector<std::string_view>& names) {
  std::vector<std::string> patterns;
  for (const std::string_view name : names) {
    for (std::size_t dot = name.find('.'); dot != std::string::npos;
         dot = name.find('.', dot + 1)) {
      std::string all = fmt::format("{}.*", name.substr(0, dot));
      if (std::ranges::find(patterns, all) == patterns.end()) patterns.push_back(std::move(all));
    }
    patterns.emplace_back(name);
  }
  return patterns;
}

}  // namespace

int Graph::set_frozen(std::string_view pattern, bool frozen) {
  int count = 0;
  for (TensorInfo& info : tensors_) {
    if (info.role == TensorRole::kParameter && matches_pattern(info.name, pattern)) {
      info.frozen = frozen;
      ++count;
    }
  }
  if (count > 0) return count;
  std::vector<std::string_view> names;
  for (const TensorId id : with_role(TensorRole::kParameter)) names.push_back(tensor(id).name);
  const std::vector<std::string> patterns = patterns_of(names);
  throw Error(fmt::format(
      "graph '{}' has no parameter that '{}' matches{}", name_, pattern,
      did_you_mean(pattern, std::vector<std::string_view>(patterns.begin(), patterns.end()))));
}

std::vector<TensorId> Graph::rewrite(std::vector<Node> nodes, std::vector<TensorId> outputs) {
  std::vector<bool> used(tensors_.size());
  const auto use = [&](const std::vector<TensorId>& ids, const std::string& user) {
    for (const TensorId id : ids) {
      if (!id) continue;
      if (static_cast<std::size_t>(id.index) >= tensors_.size()) {
        throw Error(
            fmt::format("graph '{}', {}: it uses number {} of {} tensors; ids are those "
                        "that this graph gave",
                        name_, user, id.index, tensors_.size()));
      }
      used[static_cast<std::size_t>(id.index)] = true;
    }
  };
  for (const Node& node : nodes) {
    const std::string user = fmt::format("node '{}'", node.name);
    use(node.inputs, user);
    use(node.outputs, user);
  }
  use(outputs, "an output");

  Graph result(name_);
  std::vector<TensorId> map(tensors_.size());
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (!used[i] && tensors_[i].role != TensorRole::kInput) continue;
    map[i] = {static_cast<std::int32_t>(result.tensors_.size())};
    result.tensors_.push_back(tensors_[i]);
    result.tensors_.back().producer = {};
  }
  const auto renumber = [&](TensorId& id) {
    if (id) id = map[static_cast<std::size_t>(id.index)];
  };
  for (Node& node : nodes) {
    std::ranges::for_each(node.inputs, renumber);
    std::ranges::for_each(node.outputs, renumber);
    const NodeId id{static_cast<std::int32_t>(result.nodes_.size())};
    for (const TensorId output : node.outputs) {
      if (output) result.tensors_[static_cast<std::size_t>(output.index)].producer = id;
    }
    result.nodes_.push_back(std::move(node));
  }
  std::ranges::for_each(outputs, renumber);
  result.outputs_ = std::move(outputs);
  result.verify();
  *this = std::move(result);
  return map;
}

}  // namespace equipoise
