#include "equipoise/conventions.h"

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
using testing::kFrameworks;
using testing::Origin;
using testing::origins;
using testing::Running;
using testing::values_of;

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

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
  const BatchNorm newest({.channels = 1, .momentum = 1});
  EXPECT_THAT(export_batch_norm(newest, Framework::kDlib).differences, SizeIs(1));
}

TEST(Conventions, AMomentumOfZeroStaysZeroInDlibHoweverLongItTrains) {
  const BatchNorm frozen({.channels = 1, .momentum = 0});
  const ForeignBatchNorm dlib = export_batch_norm(frozen, Framework::kDlib);
  EXPECT_THAT(dlib.differences, IsEmpty());
  EXPECT_EQ(dlib.num_batches_tracked, dlib.window);
  const auto num_updates = static_cast<double>(dlib.num_batches_tracked);
  EXPECT_EQ(1.0 - num_updates / (num_updates + 1.0), 0) << "dlib's decay";

  BatchNorm layer = import_batch_norm(dlib);
  layer.running_statistics().stage(std::vector{Moments{.count = 4, .mean = 1, .m2 = 8}});
  layer.commit();
  EXPECT_THAT(layer.running_statistics().var(), ElementsAre(1));
  EXPECT_EQ(layer.running_statistics().num_batches_tracked(), dlib.num_batches_tracked + 1);
  EXPECT_EQ(export_batch_norm(layer, Framework::kDlib).num_batches_tracked, dlib.window);
}

TEST(Conventions, WhereOnlyTheNextUpdateCanBeTheSameItIsAndTheExportSaysSo) {
  Origin cumulative = origins()[1];
  const ForeignBatchNorm tf =
      export_batch_norm(import_batch_norm(cumulative.layer), Framework::kTfKerasFused);
  EXPECT_DOUBLE_EQ(tf.momentum.value(), 0.8);
  EXPECT_THAT(tf.differences, ElementsAre(HasSubstr("next update")));
  expect_updates_of(cumulative, import_batch_norm(tf), 1);
}

// 1 − 0.1 is no f32.
TEST(Conventions, AMomentumThatF32CannotHoldIsRoundedOnTheWayToOnnxAndNamed) {
  const BatchNorm tenth(
      {.channels = 1, .epsilon = 0.5, .momentum = 0.1, .variance = VarianceEstimate::kBiased});
  const ForeignBatchNorm onnx = export_batch_norm(tenth, Framework::kOnnx);
  EXPECT_EQ(onnx.momentum, static_cast<double>(0.9F));
  EXPECT_THAT(onnx.differences, ElementsAre(HasSubstr("momentum 0.9 as f32")));

  const BatchNorm eighth(
      {.channels = 1, .epsilon = 0.5, .momentum = 0.125, .variance = VarianceEstimate::kBiased});
  EXPECT_THAT(export_batch_norm(eighth, Framework::kOnnx).differences, IsEmpty());
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

// 1/(t + 1) of them would be Keras's momentum 1.5, which no import takes.
TEST(Conventions, ANegativeNumberOfBatchesIsNotExported) {
  BatchNorm layer({.channels = 1, .averaging = Averaging::kCumulative, .name = "bn"});
  layer.running_statistics().mutable_num_batches_tracked()[0] = -3;
  for (const Framework framework : kFrameworks) {
    EXPECT_THAT(message_of([&] { return export_batch_norm(layer, framework); }),
                HasSubstr("bn: num_batches_tracked is -3"));
  }
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
  EXPECT_THAT(
      import_with([](auto& l) { l.epsilon.reset(); }),
      HasSubstr("conv1_bn: epsilon is missing; where the model does not say, Keras's is 0.001"));
  EXPECT_THAT(import_with([](auto& l) { l.epsilon = 0; }), HasSubstr("conv1_bn: epsilon 0"));
  EXPECT_THAT(import_with([](auto& l) {
                for (auto& array : l.arrays) array.values.clear();
              }),
              HasSubstr("conv1_bn: 0 channels"));

  ForeignBatchNorm torch = origins()[1].layer;
  torch.num_batches_tracked = -3;
  EXPECT_THAT(message_of([&] { return import_batch_norm(torch); }),
              HasSubstr("batch_norm: num_batches_tracked is -3; it counts batches"));

  ForeignBatchNorm onnx = {.framework = Framework::kOnnx,
                           .name = "BatchNormalization_3",
                           .momentum = 0.9,
                           .arrays = arrays("scale", "B", "input_mean", "input_var")};
  onnx.arrays.erase(onnx.arrays.begin());
  EXPECT_THAT(message_of([&] { return import_batch_norm(onnx); }), HasSubstr("'scale' is missing"));
}

}  // namespace
}  // namespace equipoise
