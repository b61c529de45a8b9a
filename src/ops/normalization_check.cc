#include "ops/normalization_check.h"

#include <cmath>

#include <fmt/format.h>

#include "ops/require.h"

namespace equipoise {
namespace {

template <class... Args>
[[noreturn]] void fail(fmt::format_string<Args...> message, Args&&... args) {
  fail_inference(fmt::format(message, std::forward<Args>(args)...));
}

void check_batch_options(const NormAttributes& norm) {
  if (!(norm.rule.momentum >= 0 && norm.rule.momentum <= 1)) {
    fail("momentum is {}; it has to be in [0, 1]", norm.rule.momentum);
  }
  if (norm.rule.window < 1) fail("window is {}; it has to be at least 1", norm.rule.window);
  if (norm.statistics == Statistics::kBlend &&
      !(norm.pseudo_count > 0 && std::isfinite(norm.pseudo_count))) {
    fail("pseudo_count is {}; it has to be finite and > 0", norm.pseudo_count);
  }
  if (norm.ghost_batch_size < 0) {
    fail("ghost_batch_size is {}; give a number of samples, or 0 for the whole batch",
         norm.ghost_batch_size);
  }
  if (norm.ghost_batch_size > 0 && norm.synchronized) {
    fail(
        "ghost batches and synchronization contradict each other: one makes the batch of the "
        "statistics smaller, the other larger; use one of them");
  }
  if (!norm.renorm) return;
  if (norm.statistics != Statistics::kBatch) {
    fail("renorm corrects statistics of the batch; use it with these");
  }
  if (!(norm.renorm->r_max >= 1 && std::isfinite(norm.renorm->r_max))) {
    fail("renorm's r_max is {}; it has to be finite and at least 1", norm.renorm->r_max);
  }
  if (!(norm.renorm->d_max >= 0 && std::isfinite(norm.renorm->d_max))) {
    fail("renorm's d_max is {}; it has to be finite and at least 0", norm.renorm->d_max);
  }
}

GraphShape layer_parameters(LayerAxes axes, const GraphShape& x) {
  if (axes.over == NormalizedOver::kChannels) {
    if (axes.trailing != 0) {
      fail("trailing is {} beside NormalizedOver::kChannels; give one of them", axes.trailing);
    }
    return {x[1]};
  }
  if (axes.trailing < 1 || axes.trailing >= x.rank()) {
    fail("trailing is {} for x of shape {}; give 1 to {} dimensions, or NormalizedOver::kChannels",
         axes.trailing, to_string(x), x.rank() - 1);
  }
  return GraphShape(x.dimensions().last(static_cast<std::size_t>(axes.trailing)));
}

}  // namespace

GraphShape check_normalization(const NormAttributes& norm, const TensorType& x) {
  require_dtype("x", x, DType::kF32);
  if (x.shape.rank() < 2) {
    fail("x has shape {}; it needs at least the dimensions (N, C)", to_string(x.shape));
  }
  if (!(norm.epsilon > 0 && std::isfinite(norm.epsilon))) {
    fail("epsilon is {}; it has to be finite and > 0", norm.epsilon);
  }
  if (!std::isfinite(norm.negative_slope)) {
    fail("negative_slope is {}; it has to be finite", norm.negative_slope);
  }
  const std::int64_t channels = x.shape[1];
  switch (norm.kind) {
    case NormKind::kBatch:
      check_batch_options(norm);
      break;
    case NormKind::kInstance:
      break;
    case NormKind::kGroup:
      if (norm.groups < 1 || channels % norm.groups != 0) {
        fail("groups is {}; it has to divide the {} channels of x {}", norm.groups, channels,
             to_string(x.shape));
      }
      break;
    case NormKind::kLayer:
    case NormKind::kRms:
      return layer_parameters(norm.axes, x.shape);
  }
  return {channels};
}

void check_running(const NormAttributes& norm, const TensorType& x, const TensorType* running_mean,
                   const TensorType* running_var) {
  if (norm.kind != NormKind::kBatch) {
    if (running_mean != nullptr || running_var != nullptr) {
      fail("running_mean and running_var are of batch normalization alone; leave them out");
    }
    return;
  }
  const GraphShape needed{x.shape[1]};
  if (running_mean == nullptr || running_var == nullptr) {
    if (!norm.reads_running() && !norm.update_running && running_mean == running_var) return;
    fail("{} is missing; {} running_mean and running_var of shape {}",
         running_mean == nullptr ? "running_mean" : "running_var",
         norm.reads_running()  ? "its statistics need"
         : norm.update_running ? "update_running needs"
                               : "give both or neither of",
         to_string(needed));
  }
  require_shape("running_mean", *running_mean, needed, "one per channel of x");
  require_shape("running_var", *running_var, needed, "one per channel of x");
}

void check_position_weights(const NormAttributes& norm, const TensorType& x,
                            const TensorType& position_weights) {
  if (norm.kind == NormKind::kLayer || norm.kind == NormKind::kRms) {
    fail(
        "position_weights are of batch, instance and group normalization; for layer normalization "
        "with padding use group normalization with one group");
  }
  std::vector<std::int64_t> needed(x.shape.dimensions().begin(), x.shape.dimensions().end());
  needed.erase(needed.begin() + 1);
  require_shape("position_weights", position_weights,
                GraphShape(std::span<const std::int64_t>(needed)), "x without its channels");
}

}  // namespace equipoise
