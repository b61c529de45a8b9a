#include <algorithm>
#include <cstring>
#include <limits>

#include "norm/error_fixture.h"

namespace equipoise::testing {
namespace {

using ForwardErrors = ErrorTest;

TEST_F(ForwardErrors, EpsilonIsPositive) {
  for (const double epsilon : {0.0, -1e-5, std::numeric_limits<double>::quiet_NaN()}) {
    forward_.epsilon = epsilon;
    expect_error_everywhere({"epsilon"});
  }
}

TEST_F(ForwardErrors, InputIsNotNull) {
  forward_.x.data = nullptr;
  expect_error_everywhere({"x", "null"});
}

TEST_F(ForwardErrors, OutputIsNotNull) {
  forward_.y.data = nullptr;
  expect_error_everywhere({"y", "null"});
}

TEST_F(ForwardErrors, TensorsAreNotForgotten) {
  forward_.y = {};
  expect_error_everywhere({"y is missing"});
  forward_.x = {};
  expect_error_everywhere({"x is missing"});
}

TEST_F(ForwardErrors, AResidualWithAShapeIsNotNull) {
  forward_.residual.data = nullptr;
  expect_error_everywhere({"residual has no data (null)", "(3, 6, 2, 2)", "none"});
}

TEST_F(ForwardErrors, ARepetitionTakesNoLessThanTheForward) {
  forward_.residual.data = nullptr;
  expect_error([&] { norm_repeat(forward_, record_); }, {"residual has no data (null)"});
  forward_.residual = residual_.view();
  forward_.y = {};
  expect_error([&] { norm_repeat(forward_, record_); }, {"y is missing"});
}

TEST_F(ForwardErrors, ElementsAreAligned) {
  const auto misaligned = [](void* data) -> void* { return static_cast<std::byte*>(data) + 2; };
  forward_.x.data = misaligned(x_.view().data);
  expect_error_everywhere({"x is misaligned", "f32", "4 bytes"});
  forward_.x = x_.view();
  forward_.y.data = misaligned(y_.view().data);
  expect_error_everywhere({"y is misaligned"});
}

TEST_F(ForwardErrors, ShapesAgree) {
  forward_.y.shape = {3, 6, 4};
  expect_error_everywhere({"y", "(3, 6, 4)", "(3, 6, 2, 2)"});
  forward_.y.shape = forward_.x.shape;
  forward_.residual.shape = {3, 5, 2, 2};
  expect_error_everywhere({"residual", "(3, 5, 2, 2)"});
}

TEST_F(ForwardErrors, LayoutsAgree) {
  forward_.y.layout = Layout::kChannelsLast;
  expect_error_everywhere({"y", "layout"});
  forward_.y.layout = Layout::kChannelsFirst;
  forward_.residual.layout = Layout::kChannelsLast;
  expect_error_everywhere({"residual", "layout"});
}

TEST_F(ForwardErrors, StoragesAgree) {
  forward_.y.dtype = DType::kBF16;
  expect_error_everywhere({"y", "bf16"});
  forward_.y.dtype = DType::kF32;
  forward_.residual.dtype = DType::kBF16;
  expect_error_everywhere({"residual", "bf16"});
}

TEST_F(ForwardErrors, EnumerationsHaveKnownValues) {
  const NormForward valid = forward_;
  forward_.x.layout = forward_.y.layout = forward_.residual.layout = static_cast<Layout>(17);
  expect_error_everywhere({"layout"});
  forward_ = valid;
  forward_.x.dtype = forward_.y.dtype = forward_.residual.dtype = static_cast<DType>(17);
  expect_error_everywhere({"dtype"});
  forward_ = valid;
  forward_.activation = static_cast<Activation>(17);
  expect_error_everywhere({"activation"});
}

TEST_F(ForwardErrors, WeightAndBiasHaveOneElementPerChannel) {
  const std::vector<float> five(5);
  forward_.weight = five;
  expect_error_everywhere({"weight", "5", "6"});
  forward_.weight = {};
  forward_.bias = five;
  expect_error_everywhere({"bias", "5", "6"});
}

TEST_F(ForwardErrors, WeightOverTrailingDimensionsHasTheirProductOfElements) {
  expect_error([&] { layer_norm(forward_, {.trailing = 2}, &record_); }, {"weight", "6", "4"});
  expect_error([&] { rms_norm(forward_, {.trailing = 3}, &record_); }, {"weight", "6", "24"});
  // As many as there are channels.
  forward_.x.shape = forward_.y.shape = forward_.residual.shape = {2, 6, 6};
  const std::vector<float> five(5, 1.0F);
  forward_.weight = five;
  expect_error([&] { layer_norm(forward_, {.trailing = 1}, &record_); },
               {"6 normalized elements", "one per normalized element"});
}

TEST_F(ForwardErrors, TrailingDimensionsLeaveTheSamples) {
  for (const int trailing : {-1, 0, 4, 100}) {
    expect_error([&] { layer_norm(forward_, {.trailing = trailing}, &record_); }, {"trailing"});
    expect_error([&] { rms_norm(forward_, {.trailing = trailing}, &record_); }, {"trailing"});
  }
  expect_error(
      [&] { layer_norm(forward_, {.over = NormalizedOver::kChannels, .trailing = 1}, &record_); },
      {"trailing is 1 beside"});
}

TEST_F(ForwardErrors, GroupsDivideTheChannels) {
  for (const std::int64_t groups : {-1, 0, 4, 12}) {
    expect_error([&] { group_norm(forward_, groups, &record_); },
                 {"groups", "6 channels", "divisor of 6"});
  }
}

TEST_F(ForwardErrors, BatchStatisticsNeedARecord) {
  expect_error([&] { batch_norm(forward_, {}, nullptr); }, {"record"});
}

TEST_F(ForwardErrors, PositionWeightsAreOnePerSampleAndPosition) {
  for (const std::size_t size : {1, 3, 6, 11, 13, 72}) {
    const std::vector<float> weights(size, 1.0F);
    forward_.position_weights = weights;
    expect_batch_error({}, {"position_weights", std::to_string(size).c_str(), "12"});
    expect_error([&] { instance_norm(forward_, &record_); }, {"position_weights"});
    expect_error([&] { group_norm(forward_, 2, &record_); }, {"position_weights"});
  }
}

TEST_F(ForwardErrors, PositionWeightsAreNotNegativeOrNan) {
  for (const float bad : {-1.0F, -1e-30F, std::numeric_limits<float>::quiet_NaN()}) {
    for (const std::size_t place : {0, 5, 11}) {
      std::vector<float> weights(12, 1.0F);
      weights[place] = bad;
      forward_.position_weights = weights;
      expect_batch_error({}, {"position_weights"});
      expect_error([&] { instance_norm(forward_, &record_); }, {"position_weights"});
      expect_error([&] { group_norm(forward_, 2, &record_); }, {"position_weights"});
    }
  }
}

TEST_F(ForwardErrors, LayerAndRmsNormTakeNoPositionWeightsAndNoSampleMoments) {
  constexpr LayerAxes kOverChannels{.over = NormalizedOver::kChannels};
  const std::vector<float> weights(12, 1.0F);
  forward_.position_weights = weights;
  expect_error([&] { layer_norm(forward_, kOverChannels, &record_); }, {"position_weights"});
  expect_error([&] { rms_norm(forward_, kOverChannels, &record_); }, {"position_weights"});
  forward_.position_weights = {};
  std::vector<Moments> moments(18);
  forward_.sample_moments = moments;
  expect_error([&] { layer_norm(forward_, kOverChannels, &record_); }, {"sample_moments"});
  expect_error([&] { rms_norm(forward_, kOverChannels, &record_); }, {"sample_moments"});
}

TEST_F(ForwardErrors, SampleMomentsAreOnePerSampleAndChannel) {
  std::vector<Moments> moments(17);
  forward_.sample_moments = moments;
  expect_batch_error({}, {"sample_moments", "17", "18"});
  expect_error([&] { instance_norm(forward_, &record_); }, {"sample_moments"});
}

TEST_F(ForwardErrors, OutputOverlapsNothingButInPlace) {
  const NormForward valid = forward_;
  auto* const y = static_cast<float*>(forward_.y.data);
  const auto over_y = [&](std::size_t count) { return std::span<const float>(y + 8, count); };
  forward_.x.data = y + 1;
  expect_error_everywhere({"y overlaps x", "exactly"});
  forward_ = valid;
  forward_.residual.data = y + 71;
  expect_error_everywhere({"y overlaps the residual", "exactly"});
  forward_ = valid;
  forward_.weight = over_y(kChannels);
  expect_error_everywhere({"y overlaps weight", "memory of its own"});
  forward_ = valid;
  forward_.bias = over_y(kChannels);
  expect_error_everywhere({"y overlaps bias"});
  expect_error([&] { norm_repeat(forward_, record_); }, {"y overlaps bias"});
  forward_ = valid;
  std::vector<std::byte> zeros(kSamples * kPositions * sizeof(float));
  std::memcpy(y, zeros.data(), zeros.size());  // that are valid weights
  untouched_ = y_.bytes();
  forward_.position_weights = {y, kSamples * kPositions};
  expect_error([&] { instance_norm(forward_, &record_); }, {"y overlaps position_weights"});
}

TEST_F(ForwardErrors, OutputIsNotOverRunningStatisticsThatAreUsed) {
  auto* const y = static_cast<float*>(forward_.y.data);
  std::fill_n(y, 72, 1.0F);
  untouched_ = y_.bytes();
  const std::vector<float> ones(kChannels, 1.0F);
  const std::span<const float> over_y(y, kChannels);
  expect_batch_error(
      {.statistics = Statistics::kRunning, .running_mean = over_y, .running_var = ones},
      {"y overlaps running_mean"});
  expect_batch_error(
      {.statistics = Statistics::kRunning, .running_mean = ones, .running_var = over_y},
      {"y overlaps running_var"});
}

TEST_F(ForwardErrors, SampleMomentsOverlapNothing) {
  const NormForward valid = forward_;
  std::vector<Moments> moments(18, Moments{.count = 1});
  const std::vector<Moments> before = moments;
  forward_.sample_moments = moments;
  auto* const elements = reinterpret_cast<float*>(moments.data());
  forward_.x.data = elements;
  expect_batch_error({}, {"sample_moments overlaps x", "memory of its own"});
  forward_.x = valid.x;
  forward_.y.data = elements;
  expect_batch_error({}, {"y overlaps sample_moments"});
  forward_.y = valid.y;
  forward_.weight = {elements, kChannels};
  expect_batch_error({}, {"sample_moments overlaps weight"});
  EXPECT_TRUE(std::memcmp(moments.data(), before.data(), 18 * sizeof(Moments)) == 0);
}

}  // namespace
}  // namespace equipoise::testing
