/// What a State is filled with before training.

#include <algorithm>
#include <cmath>
#include <span>

#include <gtest/gtest.h>

#include "equipoise/graph.h"
#include "equipoise/session.h"

namespace equipoise {
namespace {

using enum Initialization::Kind;

constexpr std::int64_t kCount = 200000;

Graph graph_with(const Initialization& initialization) {
  Graph graph("net");
  graph.add_parameter("weight", {kCount}, initialization);
  graph.add_parameter("other", {kCount}, initialization);
  return graph;
}

struct Sample {
  double mean = 0;
  double variance = 0;
  double skewness = 0;
  double kurtosis = 0;
};

Sample moments_of(std::span<const float> values) {
  Sample sample;
  const auto n = static_cast<double>(values.size());
  for (const float v : values) sample.mean += static_cast<double>(v) / n;
  double third = 0;
  double fourth = 0;
  for (const float v : values) {
    const double d = static_cast<double>(v) - sample.mean;
    sample.variance += d * d / n;
    third += d * d * d / n;
    fourth += d * d * d * d / n;
  }
  sample.skewness = third / std::pow(sample.variance, 1.5);
  sample.kurtosis = fourth / (sample.variance * sample.variance);
  return sample;
}

// Standard errors with n = 200,000 draws: mean σ/√n = 0.0022 σ, variance √(2/n) = 0.0032 σ²,
// skewness √(6/n) = 0.0055, kurtosis √(24/n) = 0.011. Bounds are 4 of them.
TEST(Initialization, NormalHasTheMomentsOfANormalDistribution) {
  constexpr double kDeviation = 0.02;
  const State state(graph_with({.kind = kNormal, .value = kDeviation}), 5);
  const Sample sample = moments_of(state.values("weight"));
  EXPECT_NEAR(sample.mean, 0, 0.009 * kDeviation);
  EXPECT_NEAR(sample.variance / (kDeviation * kDeviation), 1, 0.013);
  EXPECT_NEAR(sample.skewness, 0, 0.022);
  EXPECT_NEAR(sample.kurtosis, 3, 0.044);
}

TEST(Initialization, UniformFillsItsRange) {
  const State state(graph_with({.kind = kUniform, .value = 0.5}), 5);
  const std::span<const float> values = state.values("weight");
  const Sample sample = moments_of(values);
  EXPECT_NEAR(sample.mean, 0, 4 * 0.5 / std::sqrt(3.0 * kCount));
  EXPECT_NEAR(sample.variance, 0.25 / 3, 0.001);
  EXPECT_NEAR(sample.kurtosis, 1.8, 0.01);
  EXPECT_GE(std::ranges::min(values), -0.5F);
  EXPECT_LE(std::ranges::max(values), 0.5F);
  EXPECT_LT(std::ranges::min(values), -0.499F);
  EXPECT_GT(std::ranges::max(values), 0.499F);
}

TEST(Initialization, ConstantIsEverywhere) {
  const State state(graph_with({.kind = kConstant, .value = 0.25}));
  EXPECT_TRUE(std::ranges::all_of(state.values("weight"), [](float v) { return v == 0.25F; }));
}

TEST(Initialization, DependsOnSeedAndNameAlone) {
  const Initialization normal{.kind = kNormal, .value = 1};
  const State a(graph_with(normal), 5);
  Graph fewer("other net");
  fewer.add_parameter("weight", {kCount}, normal);
  const State b(fewer, 5);
  const State c(fewer, 6);
  EXPECT_TRUE(std::ranges::equal(a.values("weight"), b.values("weight")));
  EXPECT_FALSE(std::ranges::equal(a.values("weight"), a.values("other")));
  EXPECT_FALSE(std::ranges::equal(b.values("weight"), c.values("weight")));
}

/// Streams of two names must not be one stream, shifted.
TEST(Initialization, TensorsAreIndependent) {
  const State state(graph_with({.kind = kNormal, .value = 1}), 5);
  const std::span<const float> a = state.values("weight");
  const std::span<const float> b = state.values("other");
  double correlation = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    correlation += static_cast<double>(a[i]) * static_cast<double>(b[i]) / kCount;
  }
  EXPECT_NEAR(correlation, 0, 4 / std::sqrt(static_cast<double>(kCount)));
}

}  // namespace
}  // namespace equipoise
