#pragma once

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "engine/passes/pass.h"
#include "ops/activate.h"
#include "ops/add.h"

namespace equipoise::engine {

/// Pulls an addition or an activation into the node whose result it alone reads. The fused node
/// stands where the last of its parts stood, so that a residual is there.
///
/// A Taker says which nodes do that:
///
///     static bool is_open(const Node&);  // a taker, without an activation; output 0 is its result
///     static constexpr int kResidual;    // its input that is added
///     // The operation with an activation; null if it has none such.
///     static std::shared_ptr<const Operation> with(const Node&, const Activate&);
///     // Whether the node may run later, behind these.
///     static bool may_pass(const Node&, std::span<const Node>);
template <class Taker>
class EpilogueFusion {
 public:
  explicit EpilogueFusion(Plan& plan)
      : plan_(plan),
        nodes_(plan.graph.nodes().begin(), plan.graph.nodes().end()),
        readers_(count_readers(plan.graph)),
        producer_(plan.graph.tensors().size(), -1) {
    for (std::size_t n = 0; n < nodes_.size(); ++n) note_outputs(n);
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
  static std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

  void note_outputs(std::size_t n) {
    for (const TensorId id : nodes_[n].outputs) {
      if (id) producer_[index(id)] = static_cast<int>(n);
    }
  }

  /// The taker that computes a tensor which nobody else reads.
  std::optional<std::size_t> open_taker(TensorId id) const {
    if (producer_[index(id)] < 0 || readers_[index(id)] != 1) return std::nullopt;
    const auto n = static_cast<std::size_t>(producer_[index(id)]);
    if (!Taker::is_open(nodes_[n]) || nodes_[n].outputs[0] != id) return std::nullopt;
    return n;
  }

  bool same_shape(TensorId a, TensorId b) const {
    return plan_.graph.tensor(a).type.shape == plan_.graph.tensor(b).type.shape;
  }

  void fuse_addition(std::size_t n) {
    const TensorId a = nodes_[n].inputs[Add::kA];
    const TensorId b = nodes_[n].inputs[Add::kB];
    if (a == b || !same_shape(a, b)) return;
    const auto taker_of = [&](TensorId id) {
      std::optional<std::size_t> taker = open_taker(id);
      if (taker && nodes_[*taker].inputs[Taker::kResidual]) taker.reset();
      return taker;
    };
    // Of two candidates the later, which moves less.
    const std::optional<std::size_t> of_a = taker_of(a);
    const std::optional<std::size_t> of_b = taker_of(b);
    if (!of_a && !of_b) return;
    const bool take_a = of_a > of_b;
    const std::size_t taker = take_a ? *of_a : *of_b;
    Node fused = nodes_[taker];
    fused.inputs[Taker::kResidual] = take_a ? b : a;
    absorb(std::move(fused), taker, n);
  }

  void fuse_activation(std::size_t n, const Activate& activate) {
    const std::optional<std::size_t> taker = open_taker(nodes_[n].inputs[Activate::kX]);
    if (!taker) return;
    Node fused = nodes_[*taker];
    fused.operation = Taker::with(fused, activate);
    if (fused.operation != nullptr) absorb(std::move(fused), *taker, n);
  }

  /// The fused node takes the place of node n and computes its result.
  void absorb(Node fused, std::size_t taker, std::size_t n) {
    if (!Taker::may_pass(nodes_[taker], std::span(nodes_).subspan(taker + 1, n - taker - 1))) {
      return;
    }
    if (fused.made_of.empty()) fused.made_of.push_back(fused.name);
    fused.made_of.push_back(nodes_[n].name);
    fused.outputs[0] = nodes_[n].outputs[0];
    nodes_[taker].operation = nullptr;
    nodes_[n] = std::move(fused);
    note_outputs(n);
  }

  Plan& plan_;
  std::vector<Node> nodes_;
  std::vector<int> readers_;
  std::vector<int> producer_;
};

}  // namespace equipoise::engine
