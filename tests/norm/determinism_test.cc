// Bits do not depend on the number of threads: shapes of many tiles that fit into the cache, and
// one that does not.

#include "norm/determinism_cases.h"

namespace equipoise::testing {
namespace {

/// With a sanitizer they take minutes, not seconds. To see how threads meet, one shape for each
/// storage of a layout will do, and what is beyond a core's cache.
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
constexpr bool kWithSanitizer = true;
#else
constexpr bool kWithSanitizer = false;
#endif

void expect_determinism(const Method& method) {
  std::uint64_t seed = 1;
  for (const Shape& shape : {Shape{9, 48, 31, 29}, Shape{300, 130, 5}, Shape{3, 16, 9000}}) {
    for (const Layout layout : kLayouts) {
      for (const DType dtype : kDTypes) {
        ++seed;
        if (kWithSanitizer && seed % 3 != 2) continue;
        Case test{.method = method, .shape = shape, .layout = layout, .dtype = dtype};
        test.activation = kActivations[seed % 8];
        test.residual = seed % 2 == 0;
        test.weighting = seed / 6 % 2 == 0 ? Weighting::kFractional : Weighting::kNone;
        expect_same_bits_however_it_runs(test);
      }
    }
  }
}

TEST(Determinism, BatchNorm) { expect_determinism({}); }

TEST(Determinism, BlendedBatchNorm) {
  expect_determinism({.statistics = Statistics::kBlend, .ghost_batch_size = 4});
}

TEST(Determinism, FrozenBatchNorm) { expect_determinism({.statistics = Statistics::kRunning}); }

TEST(Determinism, RenormalizedBatchNorm) { expect_determinism({.renorm = true}); }

TEST(Determinism, InstanceNorm) { expect_determinism({.normalization = Normalization::kInstance}); }

TEST(Determinism, GroupNorm) {
  expect_determinism({.normalization = Normalization::kGroup, .groups = 2});
  expect_determinism({.normalization = Normalization::kGroup, .groups = 1});
}

TEST(Determinism, LayerNorm) {
  expect_determinism({.normalization = Normalization::kLayer, .axes = {.trailing = 1}});
  expect_determinism({.normalization = Normalization::kLayer, .axes = {.trailing = 2}});
  expect_determinism(
      {.normalization = Normalization::kLayer, .axes = {.over = NormalizedOver::kChannels}});
}

TEST(Determinism, RmsNorm) {
  expect_determinism({.normalization = Normalization::kRms, .axes = {.trailing = 2}});
  expect_determinism(
      {.normalization = Normalization::kRms, .axes = {.over = NormalizedOver::kChannels}});
}

TEST(Determinism, BatchNormOfWideRows) {
  for (const Shape& shape : {Shape{40, 20531}, Shape{7, 20531, 3}}) {
    for (const Method& method : {Method{}, Method{.ghost_batch_size = 4}}) {
      Case test{.method = method, .shape = shape, .layout = Layout::kChannelsLast};
      test.activation = Activation::kRelu;
      test.residual = true;
      test.weighting = Weighting::kFractional;
      expect_same_bits_however_it_runs(test);
    }
  }
}

TEST(Determinism, BatchNormBeyondTheCache) {
  for (const Layout layout : kLayouts) {
    const std::int64_t samples =
        kWithSanitizer ? 8 : samples_beyond_cache(64 * 56 * 56, DType::kF32);
    Case test{.shape = {samples, 64, 56, 56}, .layout = layout};
    test.activation = Activation::kRelu;
    test.residual = layout == Layout::kBlocked8 || layout == Layout::kChannelsLast;
    expect_same_bits_however_it_runs(test);
  }
}

}  // namespace
}  // namespace equipoise::testing
