#include "engine/passes/fuse_epilogues.h"
#include "ops/convolution.h"

namespace equipoise::engine {
namespace {

struct ConvolutionTaker {
  static constexpr int kResidual = Convolution::kResidual;

  static const Convolution* as_convolution(const Node& node) {
    return dynamic_cast<const Convolution*>(node.operation.get());
  }

  static bool is_open(const Node& node) {
    return as_convolution(node) != nullptr && !as_convolution(node)->epilogue().function;
  }

  static std::shared_ptr<const Operation> with(const Node& node, const Activate& activate) {
    return std::make_shared<Convolution>(
        as_convolution(node)->options(),
        Epilogue{.function = activate.function(), .negative_slope = activate.negative_slope()});
  }

  static bool may_pass(const Node& /*node*/, std::span<const Node> /*others*/) { return true; }
};

}  // namespace

/// In training the gradient of a function wants to know its x. oneDNN's ReLU makes 0 of NaN.
void fuse_convolutions(Plan& plan, const SessionOptions& /*options*/) {
  const bool wanted = plan.mode == Mode::kInference && plan.norms_are == NormsAre::kFolded;
  if (wanted) EpilogueFusion<ConvolutionTaker>(plan).run();
}

}  // namespace equipoise::engine
