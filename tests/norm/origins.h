#pragma once

/// How frameworks update running averages, as their sources have it.

#include <cmath>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/conventions.h"

namespace equipoise::testing {

inline constexpr Framework kFrameworks[] = {Framework::kPyTorch,      Framework::kKeras,
                                            Framework::kTfKerasFused, Framework::kFlax,
                                            Framework::kOnnx,         Framework::kDlib};

// One channel of a batch, and the two numbers that every framework averages in its own way.
struct ChannelOfBatch {
  std::vector<float> x;

  double n() const { return static_cast<double>(x.size()); }
  double mean() const {
    double sum = 0;
    for (const float value : x) sum += static_cast<double>(value);
    return sum / n();
  }
  double sum_of_squares() const {
    double sum = 0;
    for (const float value : x) sum += std::pow(static_cast<double>(value) - mean(), 2);
    return sum;
  }
};

// A running mean and variance in the hands of a framework.
struct Running {
  double mean;
  double var;
};

/// A layer as it comes from a framework, and that framework's update written out as its source has
/// it, without a look at the table under test.
struct Origin {
  std::string name;
  ForeignBatchNorm layer;
  std::function<void(Running&, const ChannelOfBatch&, int step)> update;
};

/// A layer's arrays under those names. The second channel's variance is far below any ε, which
/// shows in its output if ε changes.
std::vector<ForeignArray> arrays(const char* weight, const char* bias, const char* mean,
                                 const char* var);

/// The array of that name; a failure, and nothing, if there is none.
const std::vector<float>& values_of(const ForeignBatchNorm& layer, std::string_view name);

/// One of every framework (PyTorch also with cumulative averages), of three channels.
std::vector<Origin> origins();

}  // namespace equipoise::testing
