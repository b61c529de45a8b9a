// A batch-normalization layer learns to give each channel a wanted mean. One batch is poisoned; the
// transaction keeps it out of the running statistics, so that evaluation works.

#include <cmath>
#include <cstdio>
#include <limits>
#include <random>
#include <vector>

#include "equipoise/layers.h"

using namespace equipoise;

int main() {
  const Shape shape = {32, 2, 10};
  const float wanted[] = {1.0F, -2.0F};
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(20.0F, 3.0F);
  std::vector<float> x(640), y(640), dy(640), dx(640);
  const auto view = [&](std::vector<float>& values) { return view_of(values, shape); };
  const auto channel = [](std::size_t i) { return i / 10 % 2; };

  BatchNorm bn({.channels = 2, .momentum = 0.1, .name = "example.bn"});
  for (int step = 1; step <= 60; ++step) {
    for (float& value : x) value = normal(generator);
    if (step == 30) x[123] = std::numeric_limits<float>::quiet_NaN();

    bn.forward(view(x), view(y));
    // The loss is half the mean of (y − wanted)² over each channel.
    for (std::size_t i = 0; i < y.size(); ++i) dy[i] = (y[i] - wanted[channel(i)]) / 320;
    bn.backward(view(x), view(dy), view(dx));

    // The gate: nothing persistent is written by a step that would spoil it.
    if (const auto reason = bn.running_statistics().refusal()) {
      std::printf("step %d skipped: %s\n", step, reason->c_str());
      bn.discard();
      continue;
    }
    bn.commit();
    for (std::size_t c = 0; c < 2; ++c) bn.bias()[c] -= 0.2F * bn.bias_gradient()[c];
  }

  bn.eval();
  for (float& value : x) value = normal(generator);
  bn.forward(view(x), view(y));
  double mean[2] = {0, 0};
  for (std::size_t i = 0; i < y.size(); ++i) mean[channel(i)] += static_cast<double>(y[i]) / 320;
  bool good = bn.running_statistics().num_batches_tracked() == 59;
  for (std::size_t c = 0; c < 2; ++c) {
    std::printf(
        "channel %zu: running mean %.2f, running var %.2f, output mean %.2f (wanted %.2f)\n", c,
        static_cast<double>(bn.running_statistics().mean()[c]),
        static_cast<double>(bn.running_statistics().var()[c]), mean[c],
        static_cast<double>(wanted[c]));
    good = good && std::abs(mean[c] - static_cast<double>(wanted[c])) < 0.2;
  }
  return good ? 0 : 1;
}
