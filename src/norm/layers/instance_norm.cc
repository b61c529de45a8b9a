#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {

InstanceNorm::InstanceNorm(const InstanceNormConfig& config)
    : NormLayer(config, norm::require_channels(config.name, config.channels)),
      channels_(config.channels) {}

void InstanceNorm::check(const ConstTensorView& x) const {
  norm::require_channels(name(), channels_, x);
}

void InstanceNorm::normalize(const NormForward& arguments, bool /*collect_moments*/,
                             NormRecord& record) {
  instance_norm(arguments, &record);
}

}  // namespace equipoise
