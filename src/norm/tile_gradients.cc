#include "norm/tile_gradients.h"

#include <cmath>

namespace equipoise::norm {
namespace {

GradientSums sums_of_channel(const Walk& walk, const GradientMomentsTile& tile, std::int64_t c) {
  const bool slab = walk.lanes_per_channel > 1;
  const std::int64_t first = slab ? c * walk.lanes_per_channel : c;
  const std::int64_t last =
      slab ? first + walk.lanes_per_channel : (walk.form == Form::kRuns ? 1 : walk.lane_width());
  const std::int64_t stride = slab ? 1 : walk.block_lanes;
  GradientSums sums;
  for (std::int64_t i = first; i < last; i += stride) {
    sums.dz += static_cast<double>(tile.sum[i]);
    sums.products += static_cast<double>(tile.sum_of_products[i]);
  }
  const double unit = 1 / static_cast<double>(tile.gradient_scale);
  sums.dz *= unit;
  sums.products *= unit / static_cast<double>(tile.coefficients.scale);
  return sums;
}

bool is_finite(const GradientSums& sums) {
  return std::isfinite(sums.dz) && std::isfinite(sums.products);
}

}  // namespace

void gradient_sums(const Walk& walk, std::int64_t l, GradientMomentsTile tile,
                   const LaneScratch& scratch, GradientSums* out) {
  float run_sums[2];
  tile.sum = walk.form == Form::kRuns ? &run_sums[0] : scratch.sum;
  tile.sum_of_products = walk.form == Form::kRuns ? &run_sums[1] : scratch.sum_of_products;
  const std::int64_t channels = walk.channels_in(l);
  bool finite = true;
  gradient_moments(tile);
  for (std::int64_t c = 0; c < channels; ++c) {
    out[c] = sums_of_channel(walk, tile, c);
    finite = finite && is_finite(out[c]);
  }
  if (finite) return;
  if (tile.dz != nullptr) {  // it may have replaced dy
    tile.dy = tile.dz;
    tile.dy_second = nullptr;
    tile.dz = nullptr;
    tile.activation = Activation::kNone;
  }
  tile.gradient_scale = kDownScale;
  gradient_moments(tile);
  for (std::int64_t c = 0; c < channels; ++c) {
    if (!is_finite(out[c])) out[c] = sums_of_channel(walk, tile, c);
  }
}

}  // namespace equipoise::norm
