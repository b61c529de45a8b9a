// A program of somebody who has nothing but the installed package.
#include <array>
#include <cmath>

#include <equipoise/layers.h>

int main() {
  std::array<float, 2> x = {1, 3};
  std::array<float, 2> y = {};
  const equipoise::Shape two_samples = {2, 1};

  equipoise::BatchNorm norm({.channels = 1});
  norm.forward({.data = x.data(), .shape = two_samples}, {.data = y.data(), .shape = two_samples});
  return std::abs(y[0] + 1) < 1e-4F && std::abs(y[1] - 1) < 1e-4F ? 0 : 1;
}
