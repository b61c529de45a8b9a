// Three sequences of different length, padded to the longest. Without weights the padding counts
// and shifts the statistics; with a weight of 0 it does not, whatever it holds.

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "equipoise/conventions.h"
#include "equipoise/layers.h"

using namespace equipoise;

int main() {
  constexpr std::size_t kSequences = 3, kLongest = 40;
  const std::size_t lengths[kSequences] = {40, 12, 25};
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(5.0F, 2.0F);

  // (N, C, L) with one channel; padding is 0, as usual.
  std::vector<float> x(kSequences * kLongest, 0.0F), y(x.size()), weights(x.size(), 0.0F);
  double sum = 0, squares = 0, count = 0;
  for (std::size_t n = 0; n < kSequences; ++n) {
    for (std::size_t s = 0; s < lengths[n]; ++s) {
      const float value = normal(generator);
      x[n * kLongest + s] = value;
      weights[n * kLongest + s] = 1;
      sum += static_cast<double>(value);
      squares += static_cast<double>(value) * static_cast<double>(value);
      count += 1;
    }
  }
  const double mean = sum / count, variance = (squares - sum * mean) / (count - 1);
  const TensorView input = view_of(x, {kSequences, 1, kLongest});
  const TensorView output = view_of(y, {kSequences, 1, kLongest});

  BatchNorm careless({.channels = 1, .momentum = 1});
  careless.forward(input, output);
  careless.commit();
  BatchNorm careful({.channels = 1, .momentum = 1});
  careful.forward(input, output, {.position_weights = weights});
  careful.commit();

  const auto print = [](const char* what, double m, double v) {
    std::printf("%-16s mean %6.3f  variance %6.3f\n", what, m, v);
  };
  const auto last = [](std::span<const float> one) { return static_cast<double>(one[0]); };
  const RunningStatistics& with = careful.running_statistics();
  const RunningStatistics& without = careless.running_statistics();
  print("the sequences", mean, variance);
  print("with weights", last(with.mean()), last(with.var()));
  print("without weights", last(without.mean()), last(without.var()));

  // To a framework whose momentum weighs the old value, and which averages the biased variance.
  const ForeignBatchNorm keras = export_batch_norm(careful, Framework::kKeras);
  std::printf("for Keras: momentum %g; %s\n", *keras.momentum, keras.differences.at(0).c_str());

  const bool exact =
      std::abs(last(with.mean()) - mean) < 1e-4 && std::abs(last(with.var()) - variance) < 1e-4;
  const bool shifted = std::abs(last(without.mean()) - mean) > 1;
  return exact && shifted && *keras.momentum == 0 ? 0 : 1;
}
