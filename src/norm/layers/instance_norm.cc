#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {

InstanceNorm::InstanceNorm(const InstanceNormConfig& config)
    : NormLayer({.name = config.name,
                 .parameters = norm::require_channels(config.name, config.channels),
                 .weight = config.weight,
                 .bias = config.bias,
                 .epsilon = config.epsilon,
                 .activation = config.activation,
                 .negative_slope = config.negative_slope}),
      channels_(config.channels) {}

void InstanceNorm::check(const ConstTensorView& x) const {
  norm::require_channels(name(), channels_, x);
}

void InstanceNorm::normalize(const NormForward& arguments, bool /*collect_moments*/,
                             NormRecord& record) {
  instance_norm(arguments, &record);
}

}  // namespace equipoise
