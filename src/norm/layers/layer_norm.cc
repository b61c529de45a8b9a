#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {

LayerNorm::LayerNorm(const LayerNormConfig& config)
    : NormLayer(config,
                norm::require_normalized_shape(config.name, config.normalized_shape, config.over)),
      normalized_shape_(config.normalized_shape),
      over_(config.over) {}

void LayerNorm::check(const ConstTensorView& x) const {
  norm::require_normalized_shape(name(), normalized_shape_, over_, x);
}

void LayerNorm::normalize(const NormForward& arguments, bool /*collect_moments*/,
                          NormRecord& record) {
  layer_norm(arguments, norm::layer_axes(normalized_shape_, over_), &record);
}

}  // namespace equipoise
