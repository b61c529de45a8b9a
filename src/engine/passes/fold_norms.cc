#include "engine/passes/pass.h"
#include "ops/convolution.h"
#include "ops/fold_norm.h"
#include "ops/function.h"
#include "ops/linear.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// Puts batch normalizations with running statistics into the weights of the convolution or linear
/// layer whose result they alone read. The folded layer stands where the normalization stood, so
/// that a residual is there.
class Folding {
 public:
  explicit Folding(Plan& plan)
      : plan_(plan), readers_(count_readers(plan.graph)), producer_(plan.graph.tensors().size()) {}

  void run() {
    const std::vector<Node> nodes(plan_.graph.nodes().begin(), plan_.graph.nodes().end());
    for (const Node& node : nodes) {
      if (!fold(node)) kept_.push_back(node);
      for (const TensorId id : kept_.back().outputs) {
        if (id) producer_[index(id)] = kept_.size() - 1;
      }
    }
    std::erase_if(kept_, [](const Node& node) { return node.operation == nullptr; });
    rewrite(plan_, std::move(kept_));
  }

 private:
  /// What the state keeps; weights that are computed from x would have to be folded in every run.
  bool is_kept(TensorId id) const {
    const TensorRole role = plan_.graph.tensor(id).role;
    return role == TensorRole::kParameter || role == TensorRole::kBuffer;
  }
  bool is_kept_or_absent(TensorId id) const { return !id || is_kept(id); }

  /// Whether channels of y, along dimension 1, are rows of the weight.
  bool can_take(const Node& layer) const {
    if (dynamic_cast<const Convolution*>(layer.operation.get()) != nullptr) return true;
    return dynamic_cast<const Linear*>(layer.operation.get()) != nullptr &&
           plan_.graph.tensor(layer.outputs[0]).type.shape.rank() == 2;
  }

  bool fold(const Node& node) {
    const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
    if (norm == nullptr) return false;
    const NormAttributes& attributes = norm->norm();
    const TensorId x = node.inputs[Norm::kX];
    if (attributes.kind != NormKind::kBatch || attributes.statistics != Statistics::kRunning ||
        attributes.update_running || node.outputs[Norm::kRecord]) {
      return false;
    }
    if (plan_.graph.tensor(x).role != TensorRole::kResult || readers_[index(x)] != 1) return false;
    const std::size_t before = producer_[index(x)];
    const Node layer = kept_[before];
    if (!can_take(layer)) return false;
    static_assert(int{Convolution::kWeight} == int{Linear::kWeight} &&
                  int{Convolution::kBias} == int{Linear::kBias});
    const std::vector<TensorId> sources = {
        layer.inputs[Linear::kWeight],   layer.inputs[Linear::kBias],
        node.inputs[Norm::kWeight],      node.inputs[Norm::kBias],
        node.inputs[Norm::kRunningMean], node.inputs[Norm::kRunningVar]};
    for (const TensorId id : sources) {
      if (!is_kept_or_absent(id)) return false;
    }

    Node folded = layer;
    if (!takes_epilogue(folded, node, attributes)) return false;
    const std::vector<TensorId> weights = plan_.graph.add_node(
        node.name + " folded", std::make_shared<FoldNorm>(attributes.epsilon), sources);
    producer_.resize(plan_.graph.tensors().size());
    folded.inputs[Linear::kWeight] = weights[FoldNorm::kFoldedWeight];
    folded.inputs[Linear::kBias] = weights[FoldNorm::kFoldedBias];
    folded.outputs = {node.outputs[Norm::kY]};
    folded.made_of = {layer.name, node.name};
    kept_[before].operation = nullptr;
    kept_.push_back(plan_.graph.nodes().back());
    kept_.push_back(std::move(folded));
    return true;
  }

  /// The normalization's own addition and activation become the convolution's.
  static bool takes_epilogue(Node& folded, const Node& node, const NormAttributes& attributes) {
    const bool has_none =
        !node.inputs[Norm::kResidual] && attributes.activation == Activation::kNone;
    const auto* convolution = dynamic_cast<const Convolution*>(folded.operation.get());
    if (convolution == nullptr) return has_none;
    if (convolution->epilogue().function || folded.inputs[Convolution::kResidual]) return false;
    if (has_none) return true;
    folded.inputs[Convolution::kResidual] = node.inputs[Norm::kResidual];
    Epilogue epilogue;
    if (attributes.activation != Activation::kNone) {
      epilogue = {.function = function_of(attributes.activation),
                  .negative_slope = attributes.negative_slope};
    }
    folded.operation = std::make_shared<Convolution>(convolution->options(), epilogue);
    return true;
  }

  Plan& plan_;
  std::vector<int> readers_;
  std::vector<std::size_t> producer_;
  std::vector<Node> kept_;
};

}  // namespace

void fold_norms(Plan& plan, const SessionOptions& /*options*/) {
  if (plan.mode == Mode::kInference && plan.norms_are == NormsAre::kFolded) Folding(plan).run();
}

}  // namespace equipoise::engine
