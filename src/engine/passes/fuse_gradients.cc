#include <algorithm>

#include "engine/passes/pass.h"
#include "graph/sum.h"
#include "ops/global_average_pool.h"
#include "ops/multiply.h"
#include "ops/normalization.h"
#include "ops/scale_shift.h"

namespace equipoise::engine {
namespace {

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// Sums of two gradients, of which nobody else reads the parts, move into the node that makes one
/// of them or into the one that reads the sum.
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
    for (Node& node : nodes_) {
      if (is_sum_of_two(&node)) fuse_excitation(node);
    }
    for (Node& node : nodes_) {
      if (dynamic_cast<const NormGradient*>(node.operation.get()) != nullptr) fuse_into_norm(node);
    }
    std::erase_if(nodes_, [](const Node& node) { return node.operation == nullptr; });
    rewrite(plan_, std::move(nodes_));
  }

 private:
  static bool is_sum_of_two(const Node* node) {
    return node != nullptr && dynamic_cast<const Sum*>(node->operation.get()) != nullptr &&
           node->inputs.size() == 2 && node->inputs[0] != node->inputs[1];
  }

  /// The node that computes a tensor for one reader alone; null if there is none.
  Node* maker_of(TensorId id) {
    if (!id || producer_[index(id)] < 0 || readers_[index(id)] != 1) return nullptr;
    return &nodes_[static_cast<std::size_t>(producer_[index(id)])];
  }

  const GraphShape& shape(TensorId id) const { return plan_.graph.tensor(id).type.shape; }

  /// dy · scale, and the gradient of the average of the same tensor.
  void fuse_excitation(Node& sum) {
    for (const std::size_t i : {std::size_t{0}, std::size_t{1}}) {
      Node* const product = maker_of(sum.inputs[i]);
      Node* const average = maker_of(sum.inputs[1 - i]);
      if (product == nullptr || average == nullptr) continue;
      if (dynamic_cast<const Multiply*>(product->operation.get()) == nullptr) continue;
      if (dynamic_cast<const GlobalAveragePoolGradient*>(average->operation.get()) == nullptr) {
        continue;
      }
      const TensorId shift = average->inputs[0];
      for (const int of_scale : {Multiply::kA, Multiply::kB}) {
        const TensorId scale = product->inputs[static_cast<std::size_t>(of_scale)];
        const TensorId x = product->inputs[static_cast<std::size_t>(1 - of_scale)];
        const GraphShape& y = shape(sum.outputs[0]);
        if (shape(x) != y || shape(scale) != shape(shift)) continue;
        const double positions = static_cast<double>(y[2]) * static_cast<double>(y[3]);
        sum.operation = std::make_shared<ScaleShift>(1 / positions);
        sum.inputs = {x, scale, shift};
        sum.made_of = {product->name, average->name, sum.name};
        product->operation = nullptr;
        average->operation = nullptr;
        return;
      }
    }
  }

  void fuse_into_norm(Node& gradient) {
    Node* const sum = maker_of(gradient.inputs[NormGradient::kDY]);
    if (!is_sum_of_two(sum) || gradient.inputs[NormGradient::kDYSecond]) return;
    gradient.inputs[NormGradient::kDY] = sum->inputs[0];
    gradient.inputs[NormGradient::kDYSecond] = sum->inputs[1];
    gradient.made_of = {sum->name, gradient.name};
    sum->operation = nullptr;
  }

  Plan& plan_;
  std::vector<Node> nodes_;
  std::vector<int> readers_;
  std::vector<int> producer_;
};

}  // namespace

void fuse_gradients(Plan& plan, const SessionOptions& /*options*/) { Fusion(plan).run(); }

}  // namespace equipoise::engine
