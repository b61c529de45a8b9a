#include "norm/random_case.h"

#include <iterator>

#include "norm/methods.h"

namespace equipoise::testing {
namespace {

constexpr std::int64_t kSamples[] = {1, 2, 3, 5};
constexpr std::int64_t kChannels[] = {1,  2,  3,  5,  7,  8,  9,   12, 15,
                                      16, 17, 31, 32, 33, 64, 100, 130};
constexpr std::int64_t kPositions[] = {1, 2, 4, 7, 8, 9, 15, 16, 18, 33, 49, 100};

enum Factor {
  kMethod,
  kLayout,
  kDType,
  kActivation,
  kParameters,
  kResidual,
  kWeighting,
  kValues,
  kSampleMoments,
  kOutputs,
  kDySecond,
  kInPlace,
  kMisalignment,
  kThreads,
  kSampleCount,
  kChannelCount,
  kPositionCount,
  kRank,
  kFactors
};

template <class T, std::size_t kSize>
int size_of_list(const T (&)[kSize]) {
  return static_cast<int>(kSize);
}

Shape shape_of(std::int64_t samples, std::int64_t channels, std::int64_t positions, int rank) {
  if (positions == 1 && rank == 0) return {samples, channels};
  const std::int64_t inner = positions % 2 == 0 ? 2 : positions % 3 == 0 ? 3 : 1;
  switch (rank) {
    case 1:
      return {samples, channels, positions / inner, inner};
    case 2:
      return {samples, channels, 1, inner, positions / inner};
    default:
      return {samples, channels, positions};
  }
}

}  // namespace

std::vector<int> factor_levels() {
  std::vector<int> levels(kFactors);
  levels[kMethod] = static_cast<int>(all_methods().size());
  levels[kLayout] = size_of_list(kLayouts);
  levels[kDType] = 2;
  levels[kActivation] = size_of_list(kActivations);
  levels[kParameters] = 4;
  levels[kResidual] = 2;
  levels[kWeighting] = size_of_list(kWeightings);
  levels[kValues] = 4;
  levels[kSampleMoments] = 2;
  levels[kOutputs] = 5;
  levels[kDySecond] = 2;
  levels[kInPlace] = 3;
  levels[kMisalignment] = 4;
  levels[kThreads] = 8;
  levels[kSampleCount] = size_of_list(kSamples);
  levels[kChannelCount] = size_of_list(kChannels);
  levels[kPositionCount] = size_of_list(kPositions);
  levels[kRank] = 3;
  return levels;
}

Case case_of_levels(const std::vector<int>& levels, std::uint64_t seed) {
  const auto level = [&](Factor factor) { return levels[static_cast<std::size_t>(factor)]; };
  std::int64_t samples = kSamples[level(kSampleCount)];
  const std::int64_t channels = kChannels[level(kChannelCount)];
  const std::int64_t positions = kPositions[level(kPositionCount)];
  Method method = all_methods()[static_cast<std::size_t>(level(kMethod))];

  // Batch statistics want more than one value per channel, also of the last ghost batch and behind
  // a mask.
  if (method.normalization == Normalization::kBatch && positions == 1) samples = 6;
  const Shape shape = shape_of(samples, channels, positions, level(kRank));
  while (channels % method.groups != 0) --method.groups;
  if (method.axes.trailing > shape.rank() - 1) method.axes.trailing = shape.rank() - 1;

  Case test{.method = method, .shape = shape};
  test.layout = kLayouts[level(kLayout)];
  test.dtype = kDTypes[level(kDType)];
  test.activation = kActivations[level(kActivation)];
  test.weight = level(kParameters) % 2 == 0;
  test.bias = level(kParameters) / 2 == 0;
  test.residual = level(kResidual) == 1;
  test.weighting = method.is_row_wise() ? Weighting::kNone : kWeightings[level(kWeighting)];
  test.values = static_cast<Values>(level(kValues));
  const bool has_moments = method.statistics != Statistics::kRunning || method.collect_moments;
  test.sample_moments = level(kSampleMoments) == 1 && has_moments && !method.is_row_wise();
  test.in_place = static_cast<InPlace>(level(kInPlace));
  // All; without dx; without dresidual; without parameter gradients; dx alone.
  test.dx = level(kOutputs) != 1 || test.in_place == InPlace::kDxOverDy;
  test.dresidual =
      (level(kOutputs) != 2 && level(kOutputs) != 4) || test.in_place == InPlace::kDresidualOverDy;
  test.parameter_gradients = level(kOutputs) < 3;
  test.dy_second = level(kDySecond) == 1;
  test.misalignment = level(kMisalignment);
  test.threads = level(kThreads) + 1;
  test.epsilon = seed % 4 == 0 ? 1e-3 : 1e-5;
  test.seed = seed;
  return test;
}

}  // namespace equipoise::testing
