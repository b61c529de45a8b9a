#include <algorithm>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "models/network_builder.h"

namespace equipoise {
namespace {

std::int64_t largest_divisor(std::int64_t channels, std::int64_t at_most) {
  std::int64_t divisor = std::min(channels, at_most);
  while (channels % divisor != 0) --divisor;
  return divisor;
}

}  // namespace

const char* to_string(ModelNorm::Kind kind) {
  switch (kind) {
    case ModelNorm::Kind::kBatch:
      return "batch";
    case ModelNorm::Kind::kLayer:
      return "layer";
    case ModelNorm::Kind::kInstance:
      return "instance";
    case ModelNorm::Kind::kGroup:
      return "group";
    case ModelNorm::Kind::kRms:
      return "rms";
    case ModelNorm::Kind::kNone:
      return "none";
  }
  return "unknown";
}

bool NetworkBuilder::norm_has_bias() const {
  return settings_.norm != ModelNorm::Kind::kRms && settings_.norm != ModelNorm::Kind::kNone;
}

ops::NormInputs NetworkBuilder::norm_inputs(const std::string& name, TensorId x,
                                            std::int64_t channels, double gamma) {
  ops::NormInputs inputs{.x = x};
  inputs.weight = graph_.add_parameter(name + ".weight", {channels}, constant(gamma));
  if (norm_has_bias()) inputs.bias = graph_.add_parameter(name + ".bias", {channels});
  return inputs;
}

/// With one value each, groups say nothing of the input: x̂ is 0.
void NetworkBuilder::require_values(const std::string& name, TensorId x,
                                    std::int64_t channels_per_group) const {
  const GraphShape& dimensions = shape(x);
  std::int64_t values = channels_per_group;
  for (int i = 2; i < dimensions.rank(); ++i) values *= dimensions[i];
  if (values > 1) return;
  throw Error(fmt::format(
      "model '{}': {} normalization of {} in '{}' would have groups of one value, and their result "
      "does not depend on the input; take {}another normalization",
      graph_.name(), to_string(settings_.norm), to_string(dimensions), name,
      settings_.norm == ModelNorm::Kind::kGroup ? "fewer groups or "
      : dimensions.rank() > 2                   ? "a larger image or "
                                                : ""));
}

TensorId NetworkBuilder::batch_norm(const std::string& name, const ops::NormInputs& inputs) {
  ops::NormInputs with_running = inputs;
  const std::int64_t count = channels(inputs.x);
  with_running.running_mean = graph_.add_buffer(name + ".running_mean", {count});
  with_running.running_var = graph_.add_buffer(name + ".running_var", {count}, constant(1));
  const ModelNorm& norm = options_.norm;
  return ops::batch_norm(graph_, name, with_running,
                         {.epsilon = options_.norm.epsilon,
                          .statistics = norm.statistics,
                          .update_running = norm.update_running,
                          .rule = norm.rule,
                          .pseudo_count = norm.pseudo_count,
                          .ghost_batch_size = norm.ghost_batch_size,
                          .renorm = norm.renorm,
                          .synchronized = norm.synchronized});
}

/// Batch, instance and group normalization, of x as (N, C, …).
TensorId NetworkBuilder::norm_channels(const std::string& name, const ops::NormInputs& inputs) {
  const std::int64_t count = channels(inputs.x);
  switch (settings_.norm) {
    case ModelNorm::Kind::kInstance:
      require_values(name, inputs.x, 1);
      return ops::instance_norm(graph_, name, inputs, {.epsilon = options_.norm.epsilon});
    case ModelNorm::Kind::kGroup: {
      const std::int64_t groups = largest_divisor(count, options_.norm.groups);
      require_values(name, inputs.x, count / groups);
      return ops::group_norm(graph_, name, inputs, groups, {.epsilon = options_.norm.epsilon});
    }
    default:
      return batch_norm(name, inputs);
  }
}

TensorId NetworkBuilder::norm(const std::string& name, TensorId x, double gamma) {
  if (settings_.norm == ModelNorm::Kind::kNone) return x;
  const ops::NormInputs inputs = norm_inputs(name, x, channels(x), gamma);
  const bool has_positions = shape(x).rank() > 2;
  const ops::NormOptions options{.epsilon = options_.norm.epsilon};
  switch (settings_.norm) {
    case ModelNorm::Kind::kLayer:
      return has_positions ? ops::group_norm(graph_, name, inputs, 1, options)
                           : ops::layer_norm(graph_, name, inputs, {.trailing = 1}, options);
    case ModelNorm::Kind::kRms:
      return ops::rms_norm(
          graph_, name, inputs,
          has_positions ? LayerAxes{.over = NormalizedOver::kChannels} : LayerAxes{.trailing = 1},
          options);
    default:
      return norm_channels(name, inputs);
  }
}

TensorId NetworkBuilder::norm_features(const std::string& name, TensorId x, TensorId mask,
                                       double gamma) {
  if (settings_.norm == ModelNorm::Kind::kNone) return x;
  ops::NormInputs inputs = norm_inputs(name, x, shape(x)[2], gamma);
  const ops::NormOptions options{.epsilon = options_.norm.epsilon};
  if (settings_.norm == ModelNorm::Kind::kLayer) {
    return ops::layer_norm(graph_, name, inputs, {.trailing = 1}, options);
  }
  if (settings_.norm == ModelNorm::Kind::kRms) {
    return ops::rms_norm(graph_, name, inputs, {.trailing = 1}, options);
  }
  inputs.x = ops::transpose(graph_, name + ".channels_first", x, {0, 2, 1});
  inputs.position_weights = mask;
  return ops::transpose(graph_, name + ".features_last", norm_channels(name, inputs), {0, 2, 1});
}

}  // namespace equipoise
