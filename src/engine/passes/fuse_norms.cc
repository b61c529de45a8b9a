#include <algorithm>
#include <optional>

#include "engine/passes/pass.h"
#include "ops/activate.h"
#include "ops/add.h"
#include "ops/function.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// Pulls an addition or an activation into the normalization whose result it alone reads. The fused
/// node stands where the last of its parts stood, so that a residual is there.
class Fusion {
 public:
  explicit Fusion(Plan& plan)
      : plan_(plan),
        nodes_(plan.graph.nodes().begin(), plan.graph.nodes().end()),
        readers_(count_readers(plan.graph)),
        producer_(plan.graph.tensors().size(), -1) {
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      for (const TensorId id : nodes_[n].outputs) {
        if (id) producer_[index(id)] = static_cast<int>(n);
      }
    }
  }

  void run() {
    for (std::size_t n = 0; n < nodes_.size(); ++n) {
      const Operation* operation = nodes_[n].operation.get();
      if (dynamic_cast<const Add*>(operation) != nullptr) fuse_addition(n);
      if (const auto* activate = dynamic_cast<const Activate*>(operation)) {
        fuse_activation(n, *activate);
      }
    }
    std::erase_if(nodes_, [](const Node& node) { return node.operation == nullptr; });
    rewrite(plan_, std::move(nodes_));
  }

 private:
  /// The node that computes a tensor which nobody else reads, if it is a normalization without an
  /// activation.
  const Norm* open_norm(TensorId id) const {
    const int n = producer_[index(id)];
    if (n < 0 || readers_[index(id)] != 1) return nullptr;
    const Node& node = nodes_[static_cast<std::size_t>(n)];
    const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
    const bool open =
        norm != nullptr && norm->norm().activation == Activation::kNone && node.outputs[0] == id;
    return open ? norm : nullptr;
  }

  bool same_shape(TensorId a, TensorId b) const {
    return plan_.graph.tensor(a).type.shape == plan_.graph.tensor(b).type.shape;
  }

  void fuse_addition(std::size_t n) {
    const TensorId a = nodes_[n].inputs[Add::kA];
    const TensorId b = nodes_[n].inputs[Add::kB];
    if (a == b || !same_shape(a, b)) return;
    // Of two candidates the later, which moves less.
    const auto can = [&](TensorId id) {
      return open_norm(id) != nullptr &&
             !nodes_[static_cast<std::size_t>(producer_[index(id)])].inputs[Norm::kResidual];
    };
    const bool take_a = can(a) && (!can(b) || producer_[index(a)] > producer_[index(b)]);
    if (!take_a && !can(b)) return;
    const TensorId normalized = take_a ? a : b;
    Node fused = nodes_[static_cast<std::size_t>(producer_[index(normalized)])];
    fused.inputs[Norm::kResidual] = take_a ? b : a;
    absorb(std::move(fused), normalized, n);
  }

  void fuse_activation(std::size_t n, const Activate& activate) {
    const TensorId x = nodes_[n].inputs[0];
    const Norm* norm = open_norm(x);
    const std::optional<Activation> activation = activation_of(activate.function());
    if (norm == nullptr || !activation) return;
    NormAttributes attributes = norm->norm();
    attributes.activation = *activation;
    attributes.negative_slope = activate.negative_slope();
    Node fused = nodes_[static_cast<std::size_t>(producer_[index(x)])];
    fused.operation = std::make_shared<Norm>(attributes);
    absorb(std::move(fused), x, n);
  }

  /// Whether a normalization may move to the place of node n: statistics that several share are
  /// staged in the order of the model.
  bool may_move(std::size_t norm, std::size_t n) const {
    const TensorId running = nodes_[norm].inputs[Norm::kRunningMean];
    if (!running) return true;
    return std::none_of(nodes_.begin() + static_cast<std::ptrdiff_t>(norm) + 1,
                        nodes_.begin() + static_cast<std::ptrdiff_t>(n), [&](const Node& other) {
                          return dynamic_cast<const Norm*>(other.operation.get()) != nullptr &&
                                 other.inputs[Norm::kRunningMean] == running;
                        });
  }

  /// The fused node takes the place of node n and computes its result.
  void absorb(Node fused, TensorId between, std::size_t n) {
    const auto norm = static_cast<std::size_t>(producer_[index(between)]);
    if (!may_move(norm, n)) return;
    if (fused.made_of.empty()) fused.made_of.push_back(fused.name);
    fused.made_of.push_back(nodes_[n].name);
    fused.outputs[Norm::kY] = nodes_[n].outputs[0];
    for (const TensorId id : fused.outputs) {
      if (id) producer_[index(id)] = static_cast<int>(n);
    }
    nodes_[norm].operation = nullptr;
    nodes_[n] = std::move(fused);
  }

  Plan& plan_;
  std::vector<Node> nodes_;
  std::vector<int> readers_;
  std::vector<int> producer_;
};

}  // namespace

void fuse_norms(Plan& plan, const SessionOptions& /*options*/) { Fusion(plan).run(); }

}  // namespace equipoise::engine
