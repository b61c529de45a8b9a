// Rows and channels of every length around the width of a vector, and beyond the size of a tile.

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

// Two of the widest vectors (16 f32) and one more.
constexpr std::int64_t kLongest = 2 * 16 + 1;

/// The method with options that the shape allows.
Method fitted(Method method, const Shape& shape) {
  if (shape.channels() % method.groups != 0) method.groups = shape.channels();
  return method;
}

// Settings that follow from a plain counter would go hand in hand with the layout.
std::uint64_t scattered(std::uint64_t seed) { return seed * 0x9E3779B97F4A7C15U >> 40U; }

/// What is not the subject of the test changes from length to length.
Case varied(const Method& method, const Shape& shape, Layout layout, DType dtype,
            std::uint64_t seed) {
  Case test{.method = fitted(method, shape), .shape = shape, .layout = layout, .dtype = dtype};
  const std::uint64_t draw = scattered(seed);
  test.activation = kActivations[draw % 8];
  test.residual = draw / 8 % 2 == 0;
  test.misalignment = static_cast<std::int64_t>(draw / 16 % 5);
  test.threads = static_cast<int>(draw / 80 % 3 + 1);
  test.seed = seed;
  return test;
}

void expect_lengths(std::int64_t samples, bool lengths_of_channels) {
  for_each_target([&] {
    for (const Method& method : plain_methods()) {
      for (const Layout layout : kLayouts) {
        for (std::int64_t length = 1; length <= kLongest; ++length) {
          const auto seed = static_cast<std::uint64_t>(length);
          const Shape shape = lengths_of_channels ? Shape{samples, length, 3}
                                                  : Shape{samples, 1 + length % 6, length};
          for (const DType dtype : kDTypes) {
            expect_matches_reference(varied(method, shape, layout, dtype, seed));
          }
        }
      }
    }
  });
}

TEST(Lengths, OfPositionsAroundTheWidthOfAVector) { expect_lengths(2, false); }

TEST(Lengths, OfChannelsAroundTheWidthOfAVector) { expect_lengths(2, true); }

TEST(Lengths, OfTokensAndWidth) {
  for_each_target([&] {
    for (const Method& method : plain_methods()) {
      if (method.axes.trailing == 2) continue;  // rank 2 has one trailing dimension
      for (const std::int64_t width : {1, 2, 7, 8, 15, 16, 17, 31, 33, 64, 100, 130, 768}) {
        for (const Layout layout : kLayouts) {
          const auto seed = static_cast<std::uint64_t>(width);
          expect_matches_reference(varied(method, {5, width}, layout, DType::kF32, seed));
          expect_matches_reference(varied(method, {5, width}, layout, DType::kBF16, seed));
        }
      }
    }
  });
}

TEST(Lengths, BeyondTheSizeOfATile) {
  // The last four: slabs of channels and a narrower last one; runs and blocks in several tiles.
  const Shape shapes[] = {{2, 5, 5000},  {1, 2, 16384 + 3}, {4099, 3, 1}, {2, 4099, 2},
                          {3, 130, 601}, {70, 17, 65},      {4, 340, 49}, {5, 41, 400},
                          {20, 10, 900}, {5, 20, 3000}};
  std::uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    for (const Method& method : plain_methods()) {
      for (const Layout layout : kLayouts) {
        ++seed;
        expect_matches_reference(
            varied(method, shape, layout, kDTypes[scattered(seed) / 240 % 3 == 0], seed));
      }
    }
  }
}

TEST(Lengths, WeightsOverSeveralBlocksAndTiles) {
  const Shape shapes[] = {{4, 340, 49}, {5, 41, 400}, {20, 10, 900}, {5, 20, 3000}};
  std::uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    for (const Method& method : plain_methods()) {
      if (method.is_row_wise()) continue;
      for (const Layout layout : kLayouts) {
        ++seed;
        Case test = varied(method, shape, layout, kDTypes[scattered(seed) / 240 % 3 == 0], seed);
        test.weighting = scattered(seed) / 720 % 2 == 0 ? Weighting::kMask : Weighting::kFractional;
        expect_matches_reference(test);
      }
    }
  }
}

// Rows of channels that are cut into slabs: 5003 are one, 20531 two and a narrower one.
TEST(Lengths, OfWideRows) {
  for_each_target([&] {
    std::uint64_t seed = 1;
    for (const Shape& shape : {Shape{6, 5003}, Shape{4, 20531}, Shape{4, 4105, 2}}) {
      for (const Method& method : all_methods()) {
        if (method.is_row_wise() || shape.channels() % method.groups != 0) continue;
        for (const Layout layout : {Layout::kChannelsFirst, Layout::kChannelsLast}) {
          if (layout == Layout::kChannelsFirst && shape.positions() > 1) continue;
          ++seed;
          Case test = varied(method, shape, layout, kDTypes[seed % 4 == 0], seed);
          if (seed % 2 == 0) {  // bits
            test.activation = Activation::kRelu;
            test.residual = true;
          }
          // A mask may leave a ghost batch one value.
          if (method.ghost_batch_size == 0 || shape.positions() > 1)
            test.weighting = kWeightings[scattered(seed) / 960 % 3];
          test.sample_moments = seed % 3 == 0 && method.statistics == Statistics::kBatch;
          expect_matches_reference(test);
        }
      }
    }
  });
}

TEST(Lengths, OfWideRowsInSeveralTiles) {
  Case test{.shape = {2, 4099, 150}, .layout = Layout::kChannelsLast};
  test.threads = 2;
  for (const Weighting weighting : kWeightings) {
    test.weighting = weighting;
    expect_matches_reference(test);
    test.residual = true;
    test.activation = Activation::kRelu6;
  }
}

TEST(Lengths, ChannelsOfAGroupThatIsNoWholeVector) {
  for_each_target([&] {
    for (const std::int64_t size : {1, 2, 3, 5, 7, 9, 12, 17}) {
      for (const Layout layout : kLayouts) {
        for (const std::int64_t positions : {1, 4, 19}) {
          const Method method{.normalization = Normalization::kGroup, .groups = 3};
          const auto seed = static_cast<std::uint64_t>(size);
          expect_matches_reference(
              varied(method, {2, 3 * size, positions}, layout, DType::kF32, seed));
        }
      }
    }
  });
}

}  // namespace
}  // namespace equipoise::testing
