// That a layer infers the same wherever it goes.

#include <bit>
#include <cstdint>
#include <random>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/conventions.h"
#include "norm/error_message.h"
#include "norm/origins.h"

namespace equipoise {
namespace {

using testing::kFrameworks;
using testing::Origin;
using testing::origins;
using testing::values_of;

using ::testing::Contains;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kChannels = 1000;
const Shape kShape = {4, kChannels};

std::vector<float> random_values(std::size_t count, float low, float high) {
  std::mt19937 generator(7);
  std::uniform_real_distribution<float> uniform(low, high);
  std::vector<float> values(count);
  for (float& value : values) value = uniform(generator);
  return values;
}

// Origins of many channels, with variances from 0 to 2e-5, beside which any change of ε shows.
std::vector<ForeignBatchNorm> layers() {
  std::vector<ForeignBatchNorm> layers;
  for (Origin& origin : origins()) {
    origin.layer.arrays[0].values = random_values(kChannels, 0.5F, 1.5F);
    origin.layer.arrays[1].values = random_values(kChannels, -1, 1);
    origin.layer.arrays[2].values = random_values(kChannels, -0.01F, 0.01F);
    origin.layer.arrays[3].values = random_values(kChannels, 0, 2e-5F);
    origin.layer.arrays[3].values.front() = 0;
    layers.push_back(origin.layer);
  }
  return layers;
}

bool is_f32(double value) { return static_cast<double>(static_cast<float>(value)) == value; }

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

std::vector<std::uint32_t> inference(BatchNorm layer) {
  const std::vector<float> x = random_values(4 * kChannels, -0.02F, 0.02F);
  std::vector<float> y(x.size());
  layer.eval();
  layer.forward({.data = x.data(), .shape = kShape}, {.data = y.data(), .shape = kShape});
  return bits_of(y);
}

// What the framework itself computes: its own numbers, straight into the inference formula's
// implementation.
std::vector<std::uint32_t> inference_without_crossing(const ForeignBatchNorm& layer) {
  const std::vector<float> x = random_values(4 * kChannels, -0.02F, 0.02F);
  std::vector<float> y(x.size());
  NormForward arguments{};
  arguments.x = {.data = x.data(), .shape = kShape};
  arguments.y = {.data = y.data(), .shape = kShape};
  arguments.weight = layer.arrays[0].values;
  arguments.bias = layer.arrays[1].values;
  arguments.epsilon = layer.epsilon.value();
  BatchNormOptions options{};
  options.statistics = Statistics::kRunning;
  options.running_mean = layer.arrays[2].values;
  options.running_var = layer.arrays[3].values;
  batch_norm(arguments, options, nullptr);
  return bits_of(y);
}

// From the origin to the framework and back.
void expect_exact(const ForeignBatchNorm& origin, Framework framework) {
  SCOPED_TRACE(
      fmt::format("{} to {}", convention(origin.framework).name, convention(framework).name));
  const std::vector<std::uint32_t> expected = inference_without_crossing(origin);
  const BatchNorm layer = import_batch_norm(origin);
  EXPECT_EQ(inference(import_batch_norm(origin)), expected);

  const ForeignBatchNorm there = export_batch_norm(layer, framework);
  EXPECT_THAT(there.differences, Not(Contains(HasSubstr("epsilon"))));
  EXPECT_EQ(inference(import_batch_norm(there)), expected);

  const ForeignBatchNorm back = export_batch_norm(import_batch_norm(there), origin.framework);
  EXPECT_EQ(std::bit_cast<std::uint64_t>(back.epsilon.value()),
            std::bit_cast<std::uint64_t>(origin.epsilon.value()));
  for (const ForeignArray& array : origin.arrays) {
    EXPECT_EQ(bits_of(values_of(back, array.name)), bits_of(array.values)) << array.name;
  }
}

TEST(ConventionsInference, CrossingNeverChangesOneBitOfAnEpsilonThatF32CanHold) {
  for (ForeignBatchNorm origin : layers()) {
    origin.epsilon = static_cast<double>(static_cast<float>(origin.epsilon.value()));
    for (const Framework framework : kFrameworks) expect_exact(origin, framework);
  }
}

TEST(ConventionsInference, CrossingNeverChangesOneBitWhereEpsilonIsF64) {
  int decimals = 0;
  for (const ForeignBatchNorm& origin : layers()) {
    if (!is_f32(origin.epsilon.value())) ++decimals;
    for (const Framework framework : kFrameworks) {
      if (!convention(framework).attributes_are_f32) expect_exact(origin, framework);
    }
  }
  EXPECT_EQ(decimals, 6) << "all but ONNX";
}

// ONNX's attribute is f32: what it computes with is another ε, which changes outputs and is told.
TEST(ConventionsInference, ADecimalEpsilonIsRoundedOnTheWayToOnnxAndNamed) {
  for (const ForeignBatchNorm& origin : layers()) {
    const ForeignBatchNorm onnx = export_batch_norm(import_batch_norm(origin), Framework::kOnnx);
    EXPECT_EQ(onnx.epsilon.value(),
              static_cast<double>(static_cast<float>(origin.epsilon.value())));
    EXPECT_EQ(inference(import_batch_norm(onnx)), inference_without_crossing(onnx));
    if (is_f32(origin.epsilon.value())) continue;
    EXPECT_THAT(
        onnx.differences,
        Contains(HasSubstr(fmt::format("ONNX stores epsilon {} as f32", origin.epsilon.value()))));
    EXPECT_NE(inference(import_batch_norm(onnx)), inference_without_crossing(origin));
  }
}

TEST(ConventionsInference, AnEpsilonBeyondF32IsNotExportedToOnnx) {
  for (const double epsilon : {1e-60, 1e60}) {
    const BatchNorm layer({.channels = 1, .epsilon = epsilon, .name = "bn"});
    EXPECT_THAT(message_of([&] { return export_batch_norm(layer, Framework::kOnnx); }),
                HasSubstr("bn: ONNX stores epsilon as f32"));
    EXPECT_EQ(export_batch_norm(layer, Framework::kKeras).epsilon, epsilon);
  }
}

}  // namespace
}  // namespace equipoise
