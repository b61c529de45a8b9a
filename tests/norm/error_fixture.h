#pragma once

#include <algorithm>
#include <cctype>
#include <functional>
#include <initializer_list>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/norm_case.h"

namespace equipoise::testing {

/// A valid call of every kind, to be spoiled in one place.
class ErrorTest : public ::testing::Test {
 protected:
  static constexpr std::int64_t kSamples = 3;
  static constexpr std::int64_t kChannels = 6;
  static constexpr std::int64_t kPositions = 4;

  ErrorTest() {
    const Shape shape = {kSamples, kChannels, 2, 2};
    const Case test{.shape = shape, .residual = true};
    problem_ = make_problem(test);
    const auto input = [&](const Array& values) {
      return TensorBuffer(values, shape, Layout::kChannelsFirst, DType::kF32);
    };
    x_ = input(problem_.arguments.x);
    residual_ = input(problem_.arguments.residual);
    dy_ = input(problem_.dy_first);
    y_ = TensorBuffer(shape, Layout::kChannelsFirst, DType::kF32);
    dx_ = y_;
    dresidual_ = y_;

    forward_.x = x_.view();
    forward_.y = y_.view();
    forward_.residual = residual_.view();
    forward_.weight = problem_.weight;
    forward_.bias = problem_.bias;
    batch_norm(forward_, {}, &record_);
    untouched_ = y_.bytes();

    backward_.x = x_.view();
    backward_.dy = dy_.view();
    backward_.dx = dx_.view();
    backward_.dresidual = dresidual_.view();
    backward_.weight = problem_.weight;
    backward_.bias = problem_.bias;
    backward_.dweight = dweight_;
    backward_.dbias = dbias_;
  }

  /// The call throws Error, its message contains all of the words (in lower case), and nothing has
  /// changed.
  template <class Call>
  void expect_error(const Call& call, std::initializer_list<const char*> words) {
    const auto dx = dx_.bytes();
    const auto dresidual = dresidual_.bytes();
    const std::vector<double> mean(record_.mean().begin(), record_.mean().end());
    std::string message;
    try {
      call();
      ADD_FAILURE() << "no error";
    } catch (const Error& error) {
      message = error.what();
    }
    std::string lower = message;
    std::ranges::transform(lower, lower.begin(), [](unsigned char c) { return std::tolower(c); });
    for (const char* word : words) EXPECT_THAT(lower, ::testing::HasSubstr(word)) << message;
    EXPECT_TRUE(y_.bytes() == untouched_) << "y was written";
    EXPECT_TRUE(dx_.bytes() == dx) << "dx was written";
    EXPECT_TRUE(dresidual_.bytes() == dresidual) << "dresidual was written";
    EXPECT_TRUE(std::ranges::all_of(dweight_, [](float g) { return g == 77; }));
    EXPECT_TRUE(std::ranges::all_of(dbias_, [](float g) { return g == 77; }));
    EXPECT_TRUE(std::ranges::equal(record_.mean(), mean)) << "the record was changed";
  }

  /// The same for every normalization.
  void expect_error_everywhere(std::initializer_list<const char*> words) {
    const std::pair<const char*, std::function<void()>> calls[] = {
        {"batch_norm", [&] { batch_norm(forward_, {}, &record_); }},
        {"instance_norm", [&] { instance_norm(forward_, &record_); }},
        {"group_norm", [&] { group_norm(forward_, 3, &record_); }},
        {"layer_norm",
         [&] { layer_norm(forward_, {.over = NormalizedOver::kChannels}, &record_); }},
        {"rms_norm", [&] { rms_norm(forward_, {.over = NormalizedOver::kChannels}, &record_); }}};
    for (const auto& [name, call] : calls) {
      SCOPED_TRACE(name);
      expect_error(call, words);
    }
  }

  void expect_batch_error(const BatchNormOptions& options,
                          std::initializer_list<const char*> words) {
    expect_error([&] { batch_norm(forward_, options, &record_); }, words);
  }

  void expect_backward_error(std::initializer_list<const char*> words) {
    expect_error([&] { norm_backward(backward_, record_); }, words);
  }

  Problem problem_;
  TensorBuffer x_;
  TensorBuffer y_;
  TensorBuffer residual_;
  TensorBuffer dy_;
  TensorBuffer dx_;
  TensorBuffer dresidual_;
  std::vector<float> dweight_ = std::vector<float>(kChannels, 77);
  std::vector<float> dbias_ = std::vector<float>(kChannels, 77);
  std::vector<std::byte> untouched_;
  NormForward forward_;
  NormBackward backward_;
  NormRecord record_;
};

}  // namespace equipoise::testing
