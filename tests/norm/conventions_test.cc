#include "equipoise/conventions.h"

#include <bit>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/error_message.h"
#include "norm/origins.h"

namespace equipoise {
namespace {

using testing::arrays;
using testing::ChannelOfBatch;
using testing::Origin;
using testing::origins;
using testing::Running;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr Framework kFrameworks[] = {Framework::kPyTorch,      Framework::kKeras,
                                     Framework::kTfKerasFused, Framework::kFlax,
                                     Framework::kOnnx,         Framework::kDlib};

constexpr std::int64_t kChannels = 3;
constexpr std::int64_t kPositions = 5;
const Shape kShape = {2, kChannels, kPositions};

std::vector<float> random_batch(unsigned seed) {
  std::mt19937 generator(seed);
  std::normal_distribution<float> normal(3.0F, 2.0F);
  std::vector<float> x(static_cast<std::size_t>(kShape.element_count()));
  for (float& value : x) value = normal(generator);
  return x;
}

ChannelOfBatch channel_of(const std::vector<float>& x, std::int64_t c) {
  ChannelOfBatch channel;
  for (std::int64_t n = 0; n < kShape.samples(); ++n) {
    for (std::int64_t s = 0; s < kPositions; ++s) {
      channel.x.push_back(x[static_cast<std::size_t>((n * kChannels + c) * kPositions + s)]);
    }
  }
  return channel;
}

std::vector<std::uint32_t> bits_of(std::span<const float> values) {
  std::vector<std::uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<std::uint32_t>(value));
  return bits;
}

std::vector<std::uint32_t> inference(BatchNorm layer) {
  const std::vector<float> x = random_batch(1);
  std::vector<float> y(x.size());
  layer.eval();
  layer.forward({.data = x.data(), .shape = kShape}, {.data = y.data(), .shape = kShape});
  return bits_of(y);
}

// What the origin itself computes: its own numbers, straight into the inference formula's
// implementation.
std::vector<std::uint32_t> inference_without_crossing(const ForeignBatchNorm& origin) {
  const std::vector<float> x = random_batch(1);
  std::vector<float> y(x.size());
  NormForward arguments{};
  arguments.x = {.data = x.data(), .shape = kShape};
  arguments.y = {.data = y.data(), .shape = kShape};
  arguments.weight = origin.arrays[0].values;
  arguments.bias = origin.arrays[1].values;
  arguments.epsilon = origin.epsilon;
  BatchNormOptions options{};
  options.statistics = Statistics::kRunning;
  options.running_mean = origin.arrays[2].values;
  options.running_var = origin.arrays[3].values;
  batch_norm(arguments, options, nullptr);
  return bits_of(y);
}

// Trains the layer for some steps and compares its running statistics with the origin's own update.
void expect_updates_of(const Origin& origin, BatchNorm layer, int steps) {
  const RunningStatistics& running = layer.running_statistics();
  std::vector<Running> expected;
  for (std::size_t c = 0; c < kChannels; ++c) {
    expected.push_back({static_cast<double>(origin.layer.arrays[2].values[c]),
                        static_cast<double>(origin.layer.arrays[3].values[c])});
  }
  layer.train();
  for (int step = 0; step < steps; ++step) {
    const std::vector<float> x = random_batch(100 + static_cast<unsigned>(step));
    std::vector<float> y(x.size());
    layer.forward({.data = x.data(), .shape = kShape}, {.data = y.data(), .shape = kShape});
    layer.commit();
    for (std::size_t c = 0; c < kChannels; ++c) {
      origin.update(expected[c], channel_of(x, static_cast<std::int64_t>(c)), step);
      EXPECT_NEAR(running.mean()[c], expected[c].mean, 1e-6 * std::abs(expected[c].mean) + 1e-7)
          << origin.name << ", step " << step << ", channel " << c;
      EXPECT_NEAR(running.var()[c], expected[c].var, 1e-6 * expected[c].var)
          << origin.name << ", step " << step << ", channel " << c;
    }
  }
}

const std::vector<float>& values_of(const ForeignBatchNorm& layer, std::string_view name) {
  static const std::vector<float> kNone;
  for (const ForeignArray& array : layer.arrays) {
    if (array.name == name) return array.values;
  }
  ADD_FAILURE() << "no array " << name;
  return kNone;
}

TEST(Conventions, TheTableHasARowForEveryFramework) {
  EXPECT_THAT(kConventions, SizeIs(std::size(kFrameworks)));
  for (const Framework framework : kFrameworks) {
    EXPECT_EQ(convention(framework).framework, framework);
  }
  EXPECT_THROW(convention(static_cast<Framework>(99)), Error);
}

TEST(Conventions, DefaultsAreThoseOfTheFrameworks) {
  EXPECT_EQ(convention(Framework::kPyTorch).default_momentum, 0.1);
  EXPECT_EQ(convention(Framework::kPyTorch).default_epsilon, 1e-5);
  EXPECT_EQ(convention(Framework::kKeras).default_momentum, 0.99);
  EXPECT_EQ(convention(Framework::kKeras).default_epsilon, 1e-3);
  EXPECT_EQ(convention(Framework::kTfKerasFused).default_momentum, 0.99);
  EXPECT_EQ(convention(Framework::kTfKerasFused).default_epsilon, 1e-3);
  EXPECT_EQ(convention(Framework::kFlax).default_momentum, 0.99);
  EXPECT_EQ(convention(Framework::kFlax).default_epsilon, 1e-5);
  EXPECT_EQ(convention(Framework::kOnnx).default_momentum, 0.9);
  EXPECT_EQ(convention(Framework::kOnnx).default_epsilon, 1e-5);
  EXPECT_EQ(convention(Framework::kDlib).default_window, 100);
  EXPECT_EQ(convention(Framework::kDlib).default_epsilon, 1e-4);
}

TEST(Conventions, CrossingNeverChangesInferenceByOneBit) {
  for (const Origin& origin : origins()) {
    const std::vector<std::uint32_t> expected = inference_without_crossing(origin.layer);
    const BatchNorm layer = import_batch_norm(origin.layer);
    EXPECT_EQ(inference(import_batch_norm(origin.layer)), expected) << origin.name;
    for (const Framework target : kFrameworks) {
      const ForeignBatchNorm there = export_batch_norm(layer, target);
      EXPECT_EQ(inference(import_batch_norm(there)), expected)
          << origin.name << " to " << convention(target).name;

      const ForeignBatchNorm back =
          export_batch_norm(import_batch_norm(there), origin.layer.framework);
      EXPECT_EQ(std::bit_cast<std::uint64_t>(back.epsilon),
                std::bit_cast<std::uint64_t>(origin.layer.epsilon));
      ASSERT_THAT(back.arrays, SizeIs(4));
      for (const ForeignArray& array : origin.layer.arrays) {
        EXPECT_EQ(bits_of(values_of(back, array.name)), bits_of(array.values))
            << origin.name << " to " << convention(target).name << " and back: " << array.name;
      }
    }
  }
}

TEST(Conventions, TheInferenceAboveWouldShowAnotherEpsilon) {
  ForeignBatchNorm origin = origins()[0].layer;
  const std::vector<std::uint32_t> expected = inference_without_crossing(origin);
  origin.epsilon *= 1 + 1e-6;
  EXPECT_NE(inference_without_crossing(origin), expected);
}

TEST(Conventions, UpdatesAfterAnImportAreTheOrigins) {
  for (const Origin& origin : origins()) {
    expect_updates_of(origin, import_batch_norm(origin.layer), 6);
  }
}

TEST(Conventions, UpdatesAfterCrossingWithoutDifferencesAreTheOrigins) {
  int crossings = 0;
  for (const Origin& origin : origins()) {
    for (const Framework target : kFrameworks) {
      const ForeignBatchNorm there = export_batch_norm(import_batch_norm(origin.layer), target);
      if (!there.differences.empty()) continue;
      ++crossings;
      SCOPED_TRACE(convention(target).name);
      expect_updates_of(origin, import_batch_norm(there), 6);
    }
  }
  // To itself, seven; PyTorch, fused TF-Keras and dlib; Keras, Flax and ONNX; cumulative to dlib.
  EXPECT_GE(crossings, 7 + 4 + 2);
}

TEST(Conventions, AnOriginCrossesToItselfWithoutDifferences) {
  for (const Origin& origin : origins()) {
    const ForeignBatchNorm back =
        export_batch_norm(import_batch_norm(origin.layer), origin.layer.framework);
    EXPECT_THAT(back.differences, IsEmpty()) << origin.name;
    EXPECT_EQ(back.momentum.has_value(), origin.layer.momentum.has_value()) << origin.name;
    EXPECT_NEAR(back.momentum.value_or(0), origin.layer.momentum.value_or(0), 1e-16) << origin.name;
    EXPECT_EQ(back.window, origin.layer.window) << origin.name;
    EXPECT_EQ(back.num_batches_tracked, origin.layer.num_batches_tracked) << origin.name;
  }
}

// dlib caps num_updates after it has used it: more than the window would weigh one value too
// little.
TEST(Conventions, DlibNeverGetsMoreUpdatesThanItsWindow) {
  BatchNorm layer = import_batch_norm(origins().back().layer);
  layer.running_statistics().mutable_num_batches_tracked()[0] = 10;
  EXPECT_EQ(export_batch_norm(layer, Framework::kDlib).num_batches_tracked, 3);
}

TEST(Conventions, KerasToPyTorchToOnnx) {
  const ForeignBatchNorm keras = {
      .framework = Framework::kKeras,
      .epsilon = 0.0009765625,
      .momentum = 0.75,
      .arrays = arrays("gamma", "beta", "moving_mean", "moving_variance")};
  const ForeignBatchNorm torch = export_batch_norm(import_batch_norm(keras), Framework::kPyTorch);
  EXPECT_EQ(torch.momentum, 0.25);
  EXPECT_EQ(values_of(torch, "weight"), keras.arrays[0].values);
  EXPECT_EQ(values_of(torch, "running_var"), keras.arrays[3].values);
  EXPECT_THAT(torch.differences, ElementsAre(HasSubstr("unbiased")));

  const ForeignBatchNorm onnx = export_batch_norm(import_batch_norm(torch), Framework::kOnnx);
  EXPECT_EQ(onnx.momentum, 0.75);
  EXPECT_EQ(onnx.epsilon, 0.0009765625);
  EXPECT_EQ(values_of(onnx, "B"), keras.arrays[1].values);
  EXPECT_EQ(values_of(onnx, "input_mean"), keras.arrays[2].values);
  EXPECT_THAT(onnx.differences, ElementsAre(HasSubstr("biased")));
}

TEST(Conventions, AMomentumBecomesDlibsWindow) {
  for (const auto& [momentum, window] :
       std::vector<std::pair<double, std::int64_t>>{{0.1, 9}, {0.5, 1}, {1 - 0.99, 99}}) {
    const BatchNorm layer({.channels = 1, .momentum = momentum});
    const ForeignBatchNorm dlib = export_batch_norm(layer, Framework::kDlib);
    EXPECT_EQ(dlib.window, window);
    EXPECT_EQ(dlib.num_batches_tracked, window);
    EXPECT_THAT(dlib.differences, IsEmpty());
  }
  const BatchNorm between({.channels = 1, .momentum = 0.3});
  EXPECT_THAT(export_batch_norm(between, Framework::kDlib).differences,
              ElementsAre(HasSubstr("by 0.3333333333333333 and then")));
  const BatchNorm frozen({.channels = 1, .momentum = 0});
  EXPECT_GT(export_batch_norm(frozen, Framework::kDlib).window, 1'000'000'000'000);
  const BatchNorm newest({.channels = 1, .momentum = 1});
  EXPECT_THAT(export_batch_norm(newest, Framework::kDlib).differences, SizeIs(1));
}

TEST(Conventions, WhereOnlyTheNextUpdateCanBeTheSameItIsAndTheExportSaysSo) {
  Origin cumulative = origins()[1];
  const ForeignBatchNorm tf =
      export_batch_norm(import_batch_norm(cumulative.layer), Framework::kTfKerasFused);
  EXPECT_DOUBLE_EQ(tf.momentum.value(), 0.8);
  EXPECT_THAT(tf.differences, ElementsAre(HasSubstr("next update")));
  expect_updates_of(cumulative, import_batch_norm(tf), 1);
}

TEST(Conventions, AnEpsilonThatF32CannotHoldIsNamedOnTheWayToOnnx) {
  const BatchNorm decimal({.channels = 1, .epsilon = 1e-5, .variance = VarianceEstimate::kBiased});
  const ForeignBatchNorm onnx = export_batch_norm(decimal, Framework::kOnnx);
  EXPECT_EQ(onnx.epsilon, 1e-5);
  EXPECT_THAT(onnx.differences, ElementsAre(HasSubstr("epsilon 1e-05 as f32")));

  const BatchNorm single({.channels = 1,
                          .epsilon = static_cast<double>(1e-5F),
                          .variance = VarianceEstimate::kBiased});
  EXPECT_THAT(export_batch_norm(single, Framework::kOnnx).differences, IsEmpty());
}

TEST(Conventions, AbsentParametersStayAbsentOrBecomeOnesAndZeros) {
  const BatchNorm plain({.channels = 2, .weight = Parameter::kAbsent, .bias = Parameter::kAbsent});
  const ForeignBatchNorm keras = export_batch_norm(plain, Framework::kKeras);
  EXPECT_THAT(keras.arrays, SizeIs(2));
  EXPECT_THAT(import_batch_norm(keras).weight(), IsEmpty());

  const ForeignBatchNorm onnx = export_batch_norm(plain, Framework::kOnnx);
  EXPECT_THAT(values_of(onnx, "scale"), ElementsAre(1, 1));
  EXPECT_THAT(values_of(onnx, "B"), ElementsAre(0, 0));
}

TEST(Conventions, ImportsThatCannotBeRightAreErrors) {
  const ForeignBatchNorm good = {
      .framework = Framework::kKeras,
      .name = "conv1_bn",
      .epsilon = 1e-3,
      .momentum = 0.99,
      .arrays = arrays("gamma", "beta", "moving_mean", "moving_variance")};
  const auto import_with = [&](const auto& change) {
    ForeignBatchNorm changed = good;
    change(changed);
    return message_of([&] { return import_batch_norm(changed); });
  };
  EXPECT_EQ(import_with([](auto&) {}), "no error");
  EXPECT_THAT(import_with([](auto& l) { l.arrays.pop_back(); }),
              HasSubstr("conv1_bn: 'moving_variance' is missing"));
  EXPECT_THAT(import_with([](auto& l) { l.arrays[0].name = "weight"; }),
              HasSubstr("conv1_bn: Keras has no array 'weight'"));
  EXPECT_THAT(import_with([](auto& l) { l.arrays.push_back(l.arrays[1]); }),
              HasSubstr("conv1_bn: 'beta' is given more than once"));
  EXPECT_THAT(import_with([](auto& l) { l.arrays[1].values.pop_back(); }),
              HasSubstr("conv1_bn: 'beta' has 2 values"));
  EXPECT_THAT(import_with([](auto& l) { l.momentum.reset(); }),
              HasSubstr("momentum in [0, 1], but it is missing"));
  EXPECT_THAT(import_with([](auto& l) { l.momentum = 1.5; }),
              HasSubstr("momentum in [0, 1], but it is 1.5"));
  EXPECT_THAT(import_with([](auto& l) { l.epsilon = 0; }), HasSubstr("conv1_bn: epsilon 0"));
  EXPECT_THAT(import_with([](auto& l) {
                for (auto& array : l.arrays) array.values.clear();
              }),
              HasSubstr("conv1_bn: 0 channels"));

  ForeignBatchNorm onnx = {.framework = Framework::kOnnx,
                           .name = "BatchNormalization_3",
                           .momentum = 0.9,
                           .arrays = arrays("scale", "B", "input_mean", "input_var")};
  onnx.arrays.erase(onnx.arrays.begin());
  EXPECT_THAT(message_of([&] { return import_batch_norm(onnx); }), HasSubstr("'scale' is missing"));
}

}  // namespace
}  // namespace equipoise
