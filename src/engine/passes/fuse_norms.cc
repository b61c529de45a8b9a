#include "engine/passes/fuse_epilogues.h"
#include "ops/function.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

struct NormTaker {
  static constexpr int kResidual = Norm::kResidual;

  static const Norm* as_norm(const Node& node) {
    return dynamic_cast<const Norm*>(node.operation.get());
  }

  static bool is_open(const Node& node) {
    return as_norm(node) != nullptr && as_norm(node)->norm().activation == Activation::kNone;
  }

  static std::shared_ptr<const Operation> with(const Node& node, const Activate& activate) {
    const std::optional<Activation> activation = activation_of(activate.function());
    if (!activation) return nullptr;
    NormAttributes attributes = as_norm(node)->norm();
    attributes.activation = *activation;
    attributes.negative_slope = activate.negative_slope();
    return std::make_shared<Norm>(attributes);
  }

  /// Statistics that several share are staged in the order of the model.
  static bool may_pass(const Node& node, std::span<const Node> others) {
    const TensorId running = node.inputs[Norm::kRunningMean];
    return !running || std::ranges::none_of(others, [&](const Node& other) {
      return as_norm(other) != nullptr && other.inputs[Norm::kRunningMean] == running;
    });
  }
};

}  // namespace

void fuse_norms(Plan& plan, const SessionOptions& /*options*/) {
  EpilogueFusion<NormTaker>(plan).run();
}

}  // namespace equipoise::engine
