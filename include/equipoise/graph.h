#pragma once

/// The network as data: tensors, the nodes that compute them, and differentiation. Operations that
/// nodes are made of are in operations.h; networks that are known by name in models.h.

#include <compare>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/tensor.h"

namespace equipoise {

class Operation;

/// The shape of a tensor of a network: as Shape, but the first dimension may be `kBatch`, the
/// number of samples N, which is known when the graph is run.
class EQUIPOISE_API GraphShape {
 public:
  static constexpr std::int64_t kBatch = -1;

  GraphShape() = default;
  /// Throws Error for a dimension < 0 other than a first one of kBatch, or more than
  /// Shape::kMaxRank of them.
  GraphShape(std::initializer_list<std::int64_t> dimensions);
  explicit GraphShape(std::span<const std::int64_t> dimensions);

  int rank() const { return rank_; }
  bool batched() const { return rank_ > 0 && dimensions_[0] == kBatch; }
  std::int64_t operator[](int i) const { return dimensions_[static_cast<std::size_t>(i)]; }
  std::span<const std::int64_t> dimensions() const {
    return {dimensions_.data(), static_cast<std::size_t>(rank_)};
  }

  /// With N in place of kBatch.
  [[nodiscard]] Shape resolve(std::int64_t batch) const;

  bool operator==(const GraphShape&) const = default;

 private:
  std::array<std::int64_t, Shape::kMaxRank> dimensions_{};
  int rank_ = 0;
};

/// "(N, 64, 56, 56)"
[[nodiscard]] EQUIPOISE_API std::string to_string(const GraphShape& shape);

/// A tensor of one graph; by default none.
struct TensorId {
  std::int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  auto operator<=>(const TensorId&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// A node of one graph, by its place in `Graph::nodes()`; by default none.
struct NodeId {
  std::int32_t index = -1;
  explicit operator bool() const { return index >= 0; }
  auto operator<=>(const NodeId&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Where the values of a tensor come from.
enum class TensorRole : std::uint8_t {
  kInput,      ///< given at every run
  kParameter,  ///< kept between runs, and trained unless frozen
  kBuffer,     ///< kept between runs, not trained: running statistics, momentum of an optimizer
  kConstant,   ///< part of the graph
  kResult,     ///< computed by a node
};

/// What a parameter or buffer is filled with before training. Random values depend on the seed and
/// the tensor's name alone.
struct Initialization {
  enum class Kind : std::uint8_t {
    kConstant,  ///< `value` everywhere
    kNormal,    ///< mean 0, standard deviation `value`
    kUniform,   ///< in [−value, value]
  };
  Kind kind = Kind::kConstant;
  double value = 0;
};

/// What is known of a tensor besides its values.
struct TensorType {
  GraphShape shape = {};
  DType dtype = DType::kF32;
  /// What a node leaves for its gradient, in a form that only implementations know; it has no
  /// shape.
  bool record = false;

  bool operator==(const TensorType&) const = default;
};

struct TensorInfo {
  std::string name;
  TensorRole role = TensorRole::kResult;
  TensorType type;
  /// Of parameters: frozen ones are not trained.
  bool frozen = false;
  /// Of parameters and buffers.
  Initialization initialization = {};
  /// Of constants, in row-major order.
  std::shared_ptr<const std::vector<float>> values = nullptr;
  /// Of results; set by the graph.
  NodeId producer = {};
};

/// Operations are immutable, so graphs share them.
struct Node {
  std::string name;
  std::shared_ptr<const Operation> operation;
  /// As the operation's signature says; none where an optional input is left out.
  std::vector<TensorId> inputs = {};
  /// None where nobody wants an optional output.
  std::vector<TensorId> outputs = {};
  /// Of fused nodes: the names of those that they are made of.
  std::vector<std::string> made_of = {};
};

/// A network: named tensors with known shapes and, in the order in which they can be computed, the
/// nodes that compute them. A value: copies are independent.
///
/// Thread safety: one thread at a time, unless all of them only call const members.
class EQUIPOISE_API Graph {
 public:
  Graph() = default;
  explicit Graph(std::string name) : name_(std::move(name)) {}

  const std::string& name() const { return name_; }

  /// All of these throw Error for a name that is empty or taken; add_constant for a number of
  /// values other than the shape's, which has to be known; parameters and buffers cannot be
  /// batched.
  TensorId add_input(std::string name, GraphShape shape, DType dtype = DType::kF32);
  TensorId add_parameter(std::string name, GraphShape shape, Initialization initialization = {});
  TensorId add_buffer(std::string name, GraphShape shape, Initialization initialization = {});
  TensorId add_constant(std::string name, GraphShape shape, std::vector<float> values);

  /// Appends a node and infers the types of its outputs, which are called after it: "conv1", or of
  /// several "conv1:data", as the operation's signature names them. Optional outputs are made only
  /// if their place in `wanted` says so. Throws Error, naming node and tensor, for a name that is
  /// taken, a tensor that is not of this graph, or inputs that do not fit the operation.
  std::vector<TensorId> add_node(std::string name, std::shared_ptr<const Operation> operation,
                                 std::vector<TensorId> inputs, std::span<const bool> wanted = {});

  /// What a run gives back. Throws Error for a tensor that is not of this graph.
  void add_output(TensorId tensor);
  void set_outputs(std::vector<TensorId> outputs);

  std::span<const Node> nodes() const { return nodes_; }
  std::span<const TensorInfo> tensors() const { return tensors_; }
  std::span<const TensorId> outputs() const { return outputs_; }
  /// In the order in which they were added.
  [[nodiscard]] std::vector<TensorId> with_role(TensorRole role) const;

  const Node& node(NodeId id) const { return nodes_[static_cast<std::size_t>(id.index)]; }
  const TensorInfo& tensor(TensorId id) const {
    return tensors_[static_cast<std::size_t>(id.index)];
  }
  [[nodiscard]] std::optional<TensorId> find_tensor(std::string_view name) const;
  [[nodiscard]] std::optional<NodeId> find_node(std::string_view name) const;
  /// Throws Error, with the nearest names, if there is none.
  [[nodiscard]] TensorId tensor(std::string_view name) const;

  /// Freezes, or trains again, the parameters whose names match a pattern of `*` and `?`; returns
  /// how many. Throws Error, with the nearest patterns, if there is none.
  int set_frozen(std::string_view pattern, bool frozen = true);

  /// Puts these nodes in place of all. Tensors that are neither read nor computed any longer, but
  /// for inputs and outputs, are dropped, and ids change: the result maps old tensors to new ones.
  /// Outputs are what `outputs` says in old ids. Throws Error as `verify` does; then nothing has
  /// changed.
  std::vector<TensorId> rewrite(std::vector<Node> nodes, std::vector<TensorId> outputs);

  /// Throws Error, naming node and tensor, for a name used twice, a tensor that is missing or that
  /// two nodes compute, a cycle, a node before what it reads, a missing input or output, a type
  /// that is not what the operation infers, or the update of a tensor that is not kept.
  void verify() const;

  /// A line per tensor that is given and per node: what it computes, from what, with which shape.
  [[nodiscard]] std::string dump() const;

 private:
  TensorId add_tensor(TensorInfo info);
  void require_free_name(std::string_view name) const;

  std::string name_ = "graph";
  std::vector<Node> nodes_;
  std::vector<TensorInfo> tensors_;
  std::vector<TensorId> outputs_;
};

/// Appends the nodes that compute the gradient of `loss`, a tensor of one element, with respect to
/// each of `wrt`, and returns these; none where the loss does not depend on one. Gradients of a
/// tensor that several nodes read are added up. A graph may be differentiated again, also by
/// another loss: names that are taken end in "#2", "#3", … Throws Error for a loss of more than one
/// element, a tensor that is not of this graph, and an operation on the way that has no gradient;
/// then nothing has changed.
std::vector<TensorId> EQUIPOISE_API differentiate(Graph& graph, TensorId loss,
                                                  std::span<const TensorId> wrt);

}  // namespace equipoise
