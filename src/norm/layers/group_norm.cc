#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {

GroupNorm::GroupNorm(const GroupNormConfig& config)
    : NormLayer(config, norm::require_channels(config.name, config.channels)),
      channels_(config.channels),
      groups_(config.groups) {
  if (groups_ < 1 || channels_ % groups_ != 0) {
    throw Error(
        fmt::format("{}: {} groups do not divide {} channels into equal parts; choose a divisor of "
                    "{}",
                    name(), groups_, channels_, channels_));
  }
}

void GroupNorm::check(const ConstTensorView& x) const {
  norm::require_channels(name(), channels_, x);
}

void GroupNorm::normalize(const NormForward& arguments, bool /*collect_moments*/,
                          NormRecord& record) {
  group_norm(arguments, groups_, &record);
}

}  // namespace equipoise
