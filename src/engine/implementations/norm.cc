/// Normalizations by the kernels of norm.h, in whatever layout x comes.

#include "engine/implementations/implementations.h"
#include "equipoise/error.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

/// Images keep their layout; everything else is row-major.
Format format_of_x(const NodeContext& node, const NormAttributes& norm) {
  const bool over_trailing = (norm.kind == NormKind::kLayer || norm.kind == NormKind::kRms) &&
                             norm.axes.over != NormalizedOver::kChannels;
  return over_trailing ? Format{} : Format{.layout = node.format(0).layout};
}

/// What both directions need to know of a node.
struct NormNode {
  NormAttributes norm;
  Shape x;
  Layout layout;
  std::int64_t parameters;
  std::int64_t positions;
  int slot;

  ConstTensorView view(const void* data) const {
    return {.data = data, .shape = x, .layout = layout, .dtype = DType::kF32};
  }
  TensorView view(void* data) const {
    return {.data = data, .shape = x, .layout = layout, .dtype = DType::kF32};
  }
  /// None where the node has no such tensor.
  ConstTensorView optional(const void* data) const {
    return data == nullptr ? ConstTensorView{} : view(data);
  }
  TensorView optional(void* data) const { return data == nullptr ? TensorView{} : view(data); }
  static std::span<const float> span(const float* data, std::int64_t count) {
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(count)};
  }
  static std::span<float> span(float* data, std::int64_t count) {
    return {data, data == nullptr ? 0 : static_cast<std::size_t>(count)};
  }
};

NormNode describe_node(const NodeContext& node, const NormAttributes& norm) {
  const Shape& x = node.input(Norm::kX);
  std::int64_t parameters = x.channels();
  if ((norm.kind == NormKind::kLayer || norm.kind == NormKind::kRms) &&
      norm.axes.over != NormalizedOver::kChannels) {
    parameters = 1;
    for (int i = x.rank() - norm.axes.trailing; i < x.rank(); ++i) parameters *= x[i];
  }
  return {.norm = norm,
          .x = x,
          .layout = format_of_x(node, norm).layout,
          .parameters = parameters,
          .positions = x.samples() * x.positions(),
          .slot = node.norm};
}

const NormSettings& settings_of(const NormSlot& slot) {
  static const NormSettings as_planned;
  return slot.settings != nullptr ? *slot.settings : as_planned;
}

class Forward final : public Kernel {
 public:
  Forward(const NormNode& node, bool has_gradient) : node_(node), has_gradient_(has_gradient) {}

  void run(const Arguments& arguments) const override {
    NormSlot& slot = arguments.run.norms[static_cast<std::size_t>(node_.slot)];
    const NormAttributes& norm = node_.norm;
    const NormSettings& set = settings_of(slot);
    const std::int64_t planes = node_.x.samples() * node_.x.channels();
    slot.sample_memory.resize(set.collect_sample_moments ? static_cast<std::size_t>(planes) : 0);
    const NormForward forward{
        .x = node_.view(arguments.input<void>(Norm::kX)),
        .y = node_.view(arguments.output<void>(Norm::kY)),
        .weight = NormNode::span(arguments.input(Norm::kWeight), node_.parameters),
        .bias = NormNode::span(arguments.input(Norm::kBias), node_.parameters),
        .epsilon = node_.norm.epsilon,
        .activation = node_.norm.activation,
        .negative_slope = node_.norm.negative_slope,
        .residual = node_.optional(arguments.input<void>(Norm::kResidual)),
        .position_weights =
            NormNode::span(arguments.input(Norm::kPositionWeights), node_.positions),
        .sample_moments = slot.sample_memory,
        .workspace = &arguments.run.workspace};
    if (set.collect_sample_moments) slot.sample_moments = slot.sample_memory;
    if (norm.kind == NormKind::kBatch) return batch(forward, arguments, slot);
    // To fill one that nobody reads takes time: of a residual, a bit per element.
    NormRecord* const record = has_gradient_ || set.collect_moments ? &slot.record : nullptr;
    if (norm.kind == NormKind::kInstance) instance_norm(forward, record);
    if (norm.kind == NormKind::kGroup) group_norm(forward, norm.groups, record);
    if (norm.kind == NormKind::kLayer) layer_norm(forward, norm.axes, record);
    if (norm.kind == NormKind::kRms) rms_norm(forward, norm.axes, record);
    if (record != nullptr) slot.moments = record->moments();
  }

 private:
  void batch(const NormForward& forward, const Arguments& arguments, NormSlot& slot) const {
    const NormAttributes& norm = node_.norm;
    const NormSettings& set = settings_of(slot);
    const Statistics statistics = set.statistics.value_or(norm.statistics);
    const bool stages = set.update_running.value_or(norm.update_running);
    if (stages && slot.running == nullptr) {
      throw Error("it is to stage statistics, and has no running ones that would take them");
    }
    const bool by_batch = statistics != Statistics::kRunning;
    const bool needs_moments = by_batch || stages || set.collect_moments;
    const bool computes = needs_moments || set.collect_sample_moments;
    const auto running = [&](const std::vector<float>& replacement, int input) {
      return replacement.empty() ? NormNode::span(arguments.input(input), node_.parameters)
                                 : std::span<const float>(replacement);
    };
    batch_norm(
        forward,
        {.statistics = statistics,
         .running_mean = running(set.mean, Norm::kRunningMean),
         .running_var = running(set.var, Norm::kRunningVar),
         .pseudo_count = norm.pseudo_count,
         .ghost_batch_size = computes ? norm.ghost_batch_size : 0,
         .renorm = statistics == Statistics::kBatch ? norm.renorm : std::nullopt,
         .communicator = norm.synchronized && needs_moments ? arguments.run.communicator : nullptr,
         .collect_moments = computes && !by_batch},
        has_gradient_ || computes ? &slot.record : nullptr);
    if (needs_moments) slot.moments = slot.record.moments();
    if (stages) slot.running->stage(slot.record.moments());
  }

  NormNode node_;
  bool has_gradient_;
};

class Backward final : public Kernel {
 public:
  explicit Backward(const NormNode& node) : node_(node) {}

  void run(const Arguments& arguments) const override {
    using Gradient = NormGradient;
    const auto* slot = arguments.input<NormSlot>(Gradient::kRecord);
    norm_backward(
        {.x = node_.view(arguments.input<void>(Gradient::kX)),
         .dy = node_.view(arguments.input<void>(Gradient::kDY)),
         .dy_second = node_.optional(arguments.input<void>(Gradient::kDYSecond)),
         .dx = node_.optional(arguments.output<void>(Gradient::kDX)),
         .dresidual = node_.optional(arguments.output<void>(Gradient::kDResidual)),
         .residual = node_.optional(arguments.input<void>(Gradient::kResidual)),
         .weight = NormNode::span(arguments.input(Gradient::kWeight), node_.parameters),
         .bias = NormNode::span(arguments.input(Gradient::kBias), node_.parameters),
         .position_weights =
             NormNode::span(arguments.input(Gradient::kPositionWeights), node_.positions),
         .dweight = NormNode::span(arguments.output(Gradient::kDWeight), node_.parameters),
         .dbias = NormNode::span(arguments.output(Gradient::kDBias), node_.parameters),
         .workspace = &arguments.run.workspace},
        slot->record);
  }

 private:
  NormNode node_;
};

class Repeat final : public Kernel {
 public:
  explicit Repeat(const NormNode& node) : node_(node) {}

  void run(const Arguments& arguments) const override {
    equipoise::norm_repeat(
        {.x = node_.view(arguments.input<void>(NormRepeat::kX)),
         .y = node_.view(arguments.output<void>(0)),
         .weight = NormNode::span(arguments.input(NormRepeat::kWeight), node_.parameters),
         .bias = NormNode::span(arguments.input(NormRepeat::kBias), node_.parameters),
         .residual = node_.optional(arguments.input<void>(NormRepeat::kResidual)),
         .workspace = &arguments.run.workspace},
        arguments.input<NormSlot>(NormRepeat::kRecord)->record);
  }

 private:
  NormNode node_;
};

}  // namespace

Answer norm(const NodeContext& node) {
  const auto& operation = static_cast<const Norm&>(*node.node.operation);
  const NormNode described = describe_node(node, operation.norm());
  const Format images{.layout = described.layout};
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.inputs[Norm::kX] = images;
  proposal.inputs[Norm::kResidual] = images;
  proposal.outputs = {images, {}};
  // The gradient reads x, and the residual where the activation is smooth; then they are kept.
  proposal.in_place = {{Norm::kY, Norm::kX}, {Norm::kY, Norm::kResidual}};
  proposal.kernel = std::make_unique<Forward>(described, node.has_output(Norm::kRecord));
  return proposal;
}

Answer norm_gradient(const NodeContext& node) {
  using Gradient = NormGradient;
  const auto& operation = static_cast<const Gradient&>(*node.node.operation);
  const NormNode described = describe_node(node, operation.norm());
  const Format images{.layout = described.layout};
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.inputs[Gradient::kX] = images;
  proposal.inputs[Gradient::kDY] = images;
  proposal.inputs[Gradient::kDYSecond] = images;
  proposal.inputs[Gradient::kResidual] = images;
  proposal.outputs = {images, images, {}, {}};
  proposal.in_place = {{Gradient::kDResidual, Gradient::kDY}, {Gradient::kDX, Gradient::kDY}};
  proposal.kernel = std::make_unique<Backward>(described);
  return proposal;
}

Answer norm_repeat(const NodeContext& node) {
  const auto& operation = static_cast<const NormRepeat&>(*node.node.operation);
  const NormNode described = describe_node(node, operation.norm());
  const Format images{.layout = described.layout};
  Proposal proposal;
  proposal.inputs.resize(node.node.inputs.size());
  proposal.inputs[NormRepeat::kX] = images;
  proposal.inputs[NormRepeat::kResidual] = images;
  proposal.outputs = {images};
  proposal.in_place = {{0, NormRepeat::kX}, {0, NormRepeat::kResidual}};
  proposal.kernel = std::make_unique<Repeat>(described);
  return proposal;
}

}  // namespace equipoise::engine
