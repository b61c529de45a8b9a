#pragma once

// What the tests of layers share: tensors that own their memory, and short ways to call a layer.

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "equipoise/layers.h"
#include "norm/error_message.h"

namespace equipoise {

constexpr std::int64_t kChannels = 4;
const Shape kShape = {6, kChannels, 5};

struct Tensor {
  explicit Tensor(const Shape& tensor_shape, float value = 0)
      : shape(tensor_shape),
        values(static_cast<std::size_t>(tensor_shape.element_count()), value) {}

  TensorView view() { return {.data = values.data(), .shape = shape}; }
  ConstTensorView view() const { return {.data = values.data(), .shape = shape}; }

  Shape shape;
  std::vector<float> values;
};

inline Tensor random_tensor(unsigned seed, const Shape& shape = kShape) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(2.0F, 3.0F);
  Tensor tensor(shape);
  for (float& value : tensor.values) value = normal(generator);
  return tensor;
}

struct ChannelStatistics {
  double n = 0;
  double mean = 0;
  double squares = 0;  ///< of deviations from the mean, summed
};

// Of samples [first, first + samples) of channel c; two passes over the values.
inline ChannelStatistics statistics_of(const Tensor& x, std::int64_t c, std::int64_t first,
                                       std::int64_t samples) {
  const std::int64_t positions = x.shape.positions();
  ChannelStatistics result;
  const auto each = [&](const auto& use) {
    for (std::int64_t n = first; n < first + samples; ++n) {
      for (std::int64_t s = 0; s < positions; ++s) {
        const auto i = (n * x.shape.channels() + c) * positions + s;
        use(static_cast<double>(x.values[static_cast<std::size_t>(i)]));
      }
    }
  };
  result.n = static_cast<double>(samples * positions);
  each([&](double value) { result.mean += value / result.n; });
  each([&](double value) { result.squares += (value - result.mean) * (value - result.mean); });
  return result;
}

inline ChannelStatistics statistics_of(const Tensor& x, std::int64_t c) {
  return statistics_of(x, c, 0, x.shape.samples());
}

inline Tensor forward(NormLayer& layer, const Tensor& x, const ForwardOptions& options = {}) {
  Tensor y(x.shape);
  layer.forward(x.view(), y.view(), options);
  return y;
}

inline Tensor backward(NormLayer& layer, const Tensor& x, const Tensor& dy,
                       const BackwardOptions& options = {}) {
  Tensor dx(x.shape);
  layer.backward(x.view(), dy.view(), dx.view(), options);
  return dx;
}

inline void randomize(NormLayer& layer) {
  std::mt19937 generator(5);
  std::uniform_real_distribution<float> uniform(0.5F, 1.5F);
  for (float& value : layer.weight()) value = uniform(generator);
  for (float& value : layer.bias()) value = uniform(generator);
}

inline std::vector<float> copy_of(std::span<const float> values) {
  return {values.begin(), values.end()};
}

// A layer whose running statistics are not those of the batches it will see.
inline BatchNorm trained_layer(BatchNormConfig config = {}) {
  config.channels = kChannels;
  BatchNorm layer(config);
  randomize(layer);
  for (std::size_t c = 0; c < kChannels; ++c) {
    layer.running_statistics().mutable_mean()[c] = static_cast<float>(c);
    layer.running_statistics().mutable_var()[c] = 4.0F + static_cast<float>(c);
  }
  return layer;
}

}  // namespace equipoise
