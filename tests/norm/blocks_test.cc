// Tensors of several units, strips and slabs, which small tensors are where caches are said to be
// small.

#include <cmath>
#include <limits>

#include <gtest/gtest.h>

#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

std::vector<Method> methods() {
  std::vector<Method> methods = all_methods();
  methods.push_back({.ghost_batch_size = 4});
  methods.push_back({.ghost_batch_size = 4, .renorm = true});
  return methods;
}

TEST(Blocks, OfSeveralUnitsMatchTheReference) {
  const SmallCaches small;
  const Shape shapes[] = {{6, 33, 16, 16}, {9, 48, 25}, {7, 41, 20, 20}, {3, 24, 1100}};
  std::uint64_t seed = 1;
  for (const Shape& shape : shapes) {
    for (const Method& method : methods()) {
      if (shape.channels() % method.groups != 0) continue;
      for (const Layout layout : kLayouts) {
        const std::uint64_t draw = ++seed * 0x9E3779B97F4A7C15U >> 40U;
        Case test{.method = method, .shape = shape, .layout = layout};
        test.dtype = kDTypes[draw % 3 == 0];
        test.activation = kActivations[draw / 3 % 8];
        test.residual = draw / 24 % 2 == 0;
        test.weighting = method.is_row_wise() ? Weighting::kNone : kWeightings[draw / 48 % 3];
        test.dy_second = draw / 144 % 2 == 0;
        test.misalignment = static_cast<std::int64_t>(draw / 288 % 3);
        test.threads = draw % 2 == 0 ? 3 : 8;
        test.seed = seed;
        expect_matches_reference(test);
      }
    }
  }
}

// Of eight channels and an odd number of positions, every other begins at half a cache line.
TEST(Blocks, OfOddPositionsAreStreamed) {
  const SmallCaches small;
  const std::pair<Layout, std::int64_t> blocks[] = {
      {Layout::kBlocked8, 21}, {Layout::kBlocked16, 40}, {Layout::kChannelsLast, 8}};
  for_each_target([&] {
    for (const auto& [layout, channels] : blocks) {
      for (const DType dtype : kDTypes) {
        for (const std::int64_t misalignment : {0, 8}) {
          Case test{.shape = {6, channels, 49},
                    .layout = layout,
                    .dtype = dtype,
                    .misalignment = misalignment};
          expect_matches_reference(test);
          test.activation = Activation::kRelu;
          test.residual = true;
          expect_matches_reference(test);
          test.weighting = Weighting::kFractional;
          expect_matches_reference(test);
        }
      }
    }
  });
}

// What is streamed from half a line on ends in half a vector of 16 lanes: the bits behind it are
// those of the next block, or of a tile that is another thread's, or done.
TEST(Blocks, StreamedFromTheirSecondPositionKeepToTheirOwnBits) {
  const SmallCaches small;
  for_each_target([&] {
    for (const DType dtype : kDTypes) {
      for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
        Case test{.shape = {6, 21, 50},
                  .layout = Layout::kBlocked8,
                  .dtype = dtype,
                  .activation = activation,
                  .residual = true,
                  .misalignment = 8};
        expect_matches_reference(test);
        test.shape = {2, 16, 65, 65};  // several tiles of steps
        test.misalignment = 0;
        expect_matches_reference(test);
      }
    }
  });
}

// A last ghost batch of two samples would by itself be walked in another way than those of four.
TEST(Blocks, OfASmallerLastGhostBatchKeepTheirBits) {
  for (const Shape& shape : {Shape{6, 18, 5, 7}, Shape{9, 48, 25}, Shape{6, 33, 16, 16}}) {
    for (const Layout layout : kLayouts) {
      for (const Activation activation : {Activation::kRelu, Activation::kLeakyRelu}) {
        expect_matches_reference({.method = {.ghost_batch_size = shape.samples() == 9 ? 7 : 4},
                                  .shape = shape,
                                  .layout = layout,
                                  .activation = activation,
                                  .residual = true});
      }
    }
  }
}

std::vector<double> channel_of(const Array& array, std::int64_t c) {
  std::vector<double> values;
  for (std::int64_t n = 0; n < array.samples; ++n) {
    for (std::int64_t s = 0; s < array.positions; ++s) values.push_back(array(n, c, s));
  }
  return values;
}

struct Results {
  Array y, dx;
  std::vector<float> dweight;
};

Results results_of(const Case& test, const Problem& problem) {
  NormRecord record;
  const ForwardRun forward = run_forward(test, problem, &record);
  const BackwardRun backward = run_backward(test, problem, record);
  return {forward.y.unpack(), backward.dx.unpack(), backward.dweight};
}

/// Spoils channel 1 and expects not a bit of the others to change.
template <class Spoil>
void expect_neighbours_unchanged(const Spoil& spoil) {
  for_each_target([&] {
    for (const Layout layout : kLayouts) {
      for (const Shape& shape : {Shape{8, 18, 600}, Shape{5, 18, 7, 7}}) {
        const Case test{.shape = shape, .layout = layout, .activation = Activation::kRelu};
        SCOPED_TRACE(describe(test));
        Problem problem = make_problem(test);
        const Results before = results_of(test, problem);
        spoil(problem);
        const Results after = results_of(test, problem);
        for (std::int64_t c = 0; c < shape.channels(); ++c) {
          if (c == 1) continue;
          EXPECT_EQ(channel_of(before.y, c), channel_of(after.y, c));
          EXPECT_EQ(channel_of(before.dx, c), channel_of(after.dx, c));
          EXPECT_EQ(before.dweight[static_cast<std::size_t>(c)],
                    after.dweight[static_cast<std::size_t>(c)]);
        }
      }
    }
  });
}

TEST(Blocks, OfAnInfiniteChannelLeaveTheOthersAlone) {
  expect_neighbours_unchanged([](Problem& problem) {
    problem.arguments.x(2, 1, 3) = std::numeric_limits<double>::infinity();
  });
}

TEST(Blocks, OfAHugeChannelLeaveTheOthersAlone) {
  expect_neighbours_unchanged([](Problem& problem) {
    Array& x = problem.arguments.x;
    for (std::int64_t n = 0; n < x.samples; ++n) {
      for (std::int64_t s = 0; s < x.positions; ++s) x(n, 1, s) = (n + s) % 2 == 0 ? 1e25 : -2e25;
    }
  });
}

TEST(Blocks, WhoseGradientSumsOverflowLeaveTheOthersAlone) {
  expect_neighbours_unchanged([](Problem& problem) {
    for (Array* dy : {&problem.dy, &problem.dy_first}) {
      for (std::int64_t n = 0; n < dy->samples; ++n) {
        for (std::int64_t s = 0; s < dy->positions; ++s) (*dy)(n, 1, s) = 1e38;
      }
    }
  });
}

// A channel without variance beside one that is extreme: its a is as large as ε lets it be.
TEST(Blocks, OfAConstantChannelBesideAnExtremeOne) {
  for (const Layout layout : kLayouts) {
    Case test{.shape = {8, 2, 600}, .layout = layout, .epsilon = 1e-12};
    Problem problem = make_problem(test);
    Array& x = problem.arguments.x;
    for (std::int64_t n = 0; n < x.samples; ++n) {
      for (std::int64_t s = 0; s < x.positions; ++s) {
        x(n, 0, s) *= 1e20;
        x(n, 1, s) = 0.5;
      }
    }
    const Results results = results_of(test, problem);
    for (const double y : channel_of(results.y, 1))
      ASSERT_EQ(y, static_cast<double>(problem.bias[1]));
    for (const double dx : channel_of(results.dx, 1)) ASSERT_TRUE(std::isfinite(dx));
  }
}

TEST(Blocks, OfTheLargestGhostBatchAreTheBatch) {
  for (const Statistics statistics : {Statistics::kBatch, Statistics::kBlend}) {
    for (const Layout layout : kLayouts) {
      Case test{.shape = {4, 18, 5, 7}, .layout = layout};
      test.method.statistics = statistics;
      test.method.ghost_batch_size = std::numeric_limits<std::int64_t>::max();
      expect_matches_reference(test);
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
