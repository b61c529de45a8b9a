// A program of somebody who has nothing but the installed package.
#include <array>
#include <cmath>

#include <equipoise/conventions.h>
#include <equipoise/layers.h>

int main() {
  std::array<float, 2> x = {1, 3};
  std::array<float, 2> y = {};
  const auto becomes = [&](equipoise::NormLayer& layer, const equipoise::Shape& shape, float first,
                           float second) {
    layer.forward({.data = x.data(), .shape = shape}, {.data = y.data(), .shape = shape});
    return std::abs(y[0] - first) < 1e-4F && std::abs(y[1] - second) < 1e-4F;
  };

  equipoise::BatchNorm batch({.channels = 1});
  equipoise::LayerNorm layer({.normalized_shape = {2}});
  equipoise::RmsNorm rms({.normalized_shape = {2}});
  const bool normalized = becomes(batch, {2, 1}, -1, 1) && becomes(layer, {1, 2}, -1, 1) &&
                          becomes(rms, {1, 2}, std::sqrt(0.2F), 3 * std::sqrt(0.2F));

  batch.commit();
  const auto keras = equipoise::export_batch_norm(batch, equipoise::Framework::kKeras);
  return normalized && keras.momentum == 0.9 ? 0 : 1;
}
