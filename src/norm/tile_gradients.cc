#include "norm/tile_gradients.h"

#include <cmath>

namespace equipoise::norm {

void gradient_sums(const Walk& walk, std::int64_t l0, std::int64_t l1, GradientMomentsTile tile,
                   const LaneScratch& scratch, double* dz, double* products) {
  const ChannelLanes lanes = channel_lanes(walk, l0, l1);
  const std::int64_t channels = walk.channels_in(l0, l1);
  tile.sum = scratch.sum.data();
  tile.sum_of_products = scratch.sum_of_products.data();
  const auto run = [&] {
    gradient_moments(tile);
    add_lanes(tile.sum, lanes, scratch.channel_sum.data());
    add_lanes(tile.sum_of_products, lanes, scratch.channel_products.data());
  };
  const auto is_finite = [&](std::int64_t c) {
    return std::isfinite(dz[c]) && std::isfinite(products[c]);
  };
  // Of the products, which are multiplied by the channel's scale.
  const auto unit = [&](std::int64_t c) {
    if (tile.coefficients.scale == nullptr) return 1.0;
    const std::int64_t lane =
        c / lanes.channels * lanes.lane_stride + c % lanes.channels * lanes.lanes_per_channel;
    return 1 / static_cast<double>(tile.coefficients.scale[lane]);
  };
  bool finite = true;
  run();
  for (std::int64_t c = 0; c < channels; ++c) {
    dz[c] = scratch.channel_sum[static_cast<std::size_t>(c)];
    products[c] = scratch.channel_products[static_cast<std::size_t>(c)] * unit(c);
    finite &= is_finite(c);
  }
  if (finite) return;
  if (tile.dz != nullptr) {  // it may have replaced dy
    tile.dy = tile.dz;
    tile.dy_second = nullptr;
    tile.dz = nullptr;
    tile.activation = Activation::kNone;
  }
  tile.gradient_scale = kDownScale;
  run();
  const double up = 1 / static_cast<double>(kDownScale);
  for (std::int64_t c = 0; c < channels; ++c) {
    if (is_finite(c)) continue;
    dz[c] = scratch.channel_sum[static_cast<std::size_t>(c)] * up;
    products[c] = scratch.channel_products[static_cast<std::size_t>(c)] * up * unit(c);
  }
}

void write_parameter_gradient(const NormBackward& out, std::int64_t parameter,
                              const GradientSums& sums) {
  const auto i = static_cast<std::size_t>(parameter);
  if (!out.dbias.empty()) out.dbias[i] = static_cast<float>(sums.dz);
  if (!out.dweight.empty()) out.dweight[i] = static_cast<float>(sums.products);
}

}  // namespace equipoise::norm
