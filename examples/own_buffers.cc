// The end of a residual block in an engine's own buffers: y = ReLU(batch_norm(x) + residual),
// channels last, bf16: a training step, forward and backward, and inference.

#include <cmath>
#include <cstdio>
#include <random>
#include <vector>

#include "equipoise/norm.h"
#include "equipoise/running_statistics.h"

using namespace equipoise;

int main() {
  constexpr std::size_t kChannels = 24, kCount = std::size_t{8} * 14 * 14 * kChannels;
  std::mt19937 generator(1);
  std::normal_distribution<float> normal(100.0F, 2.0F);
  std::vector<BFloat16> x(kCount), residual(kCount), y(kCount);
  std::vector<BFloat16> dy(kCount), dx(kCount), dresidual(kCount);
  for (std::size_t i = 0; i < kCount; ++i) {
    x[i] = BFloat16(normal(generator));
    residual[i] = BFloat16(normal(generator) - 100.0F);
    dy[i] = BFloat16(normal(generator) - 100.0F);
  }
  const std::vector<float> weight(kChannels, 1.5F), bias(kChannels, 0.25F);
  std::vector<float> dweight(kChannels), dbias(kChannels);

  // A shape names samples and channels first, whatever the layout.
  const auto view = [](std::vector<BFloat16>& buffer) {
    return view_of(buffer, {8, kChannels, 14, 14}, Layout::kChannelsLast);
  };
  NormRecord record;
  Workspace workspace;
  batch_norm({.x = view(x),
              .y = view(y),
              .weight = weight,
              .bias = bias,
              .epsilon = 1e-5,
              .activation = Activation::kRelu,
              .residual = view(residual),
              .workspace = &workspace},
             {.statistics = Statistics::kBatch}, &record);
  norm_backward({.x = view(x),
                 .dy = view(dy),
                 .dx = view(dx),
                 .dresidual = view(dresidual),
                 .weight = weight,
                 .bias = bias,
                 .dweight = dweight,
                 .dbias = dbias,
                 .workspace = &workspace},
                record);

  // The statistics of the batch become the first of the running averages.
  RunningStatistics running(kChannels, {.averaging = Averaging::kCumulative});
  running.stage(record.moments());
  running.commit();

  // Inference: no record, and y may take the place of the residual.
  std::vector<BFloat16> inferred = residual;
  batch_norm({.x = view(x),
              .y = view(inferred),
              .weight = weight,
              .bias = bias,
              .epsilon = 1e-5,
              .activation = Activation::kRelu,
              .residual = view(inferred),
              .workspace = &workspace},
             {.statistics = Statistics::kRunning,
              .running_mean = running.mean(),
              .running_var = running.var()},
             nullptr);

  // ReLU passes dy where y > 0; the gradient of a normalization sums to 0 over each channel.
  const auto value = [](BFloat16 v) { return static_cast<double>(static_cast<float>(v)); };
  double sum = 0, magnitude = 0;
  bool good = true;
  for (std::size_t i = 0; i < kCount; ++i) {
    good = good && value(dresidual[i]) == (value(y[i]) > 0 ? value(dy[i]) : 0);
    // The variance divided by n − 1 differs by 1/1568; bf16 by 1/256.
    good = good && std::abs(value(inferred[i]) - value(y[i])) <= 0.01 * (1 + value(y[i]));
    if (i % kChannels != 3) continue;
    sum += value(dx[i]);
    magnitude += std::abs(value(dx[i]));
  }
  const Moments& channel = record.moments()[3];
  std::printf("channel 3: mean %.3f and variance %.3f of %.0f values\n", channel.mean,
              channel.variance(), channel.count);
  std::printf("|sum of dx| / sum of |dx|: %.1e\n", std::abs(sum) / magnitude);
  return good && std::abs(sum) < 1e-3 * magnitude ? 0 : 1;
}
