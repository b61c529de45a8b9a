#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {

RmsNorm::RmsNorm(const RmsNormConfig& config)
    : NormLayer(config,
                norm::require_normalized_shape(config.name, config.normalized_shape, config.over)),
      normalized_shape_(config.normalized_shape),
      over_(config.over) {}

void RmsNorm::check(const ConstTensorView& x) const {
  norm::require_normalized_shape(name(), normalized_shape_, over_, x);
}

void RmsNorm::normalize(const NormForward& arguments, bool /*collect_moments*/,
                        NormRecord& record) {
  rms_norm(arguments, norm::layer_axes(normalized_shape_, over_), &record);
}

}  // namespace equipoise
