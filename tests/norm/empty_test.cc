// No samples, or no positions.

#include <cmath>
#include <vector>

#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/comparison.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

const Shape kEmptyShapes[] = {{0, 5}, {0, 5, 3, 3}, {2, 5, 0, 3}};

TEST(EmptyTensor, IsNormalizedToAnEmptyOneWithZeroParameterGradients) {
  for_each_target([] {
    for (Method method : all_methods()) {
      if (method.normalization == Normalization::kBatch &&
          method.statistics == Statistics::kBatch) {
        continue;
      }
      for (const Shape& shape : kEmptyShapes) {
        for (const Layout layout : kLayouts) {
          if (method.normalization == Normalization::kGroup) method.groups = 1;
          if (method.axes.trailing >= shape.rank()) continue;
          const Case test{.method = method, .shape = shape, .layout = layout};
          SCOPED_TRACE(describe(test));
          const Problem problem = make_problem(test);
          NormRecord record;
          const ForwardRun forward = run_forward(test, problem, &record);
          EXPECT_TRUE(forward.y.guards_intact());
          const BackwardRun backward = run_backward(test, problem, record);
          EXPECT_TRUE(backward.dx.guards_intact());
          for (const float gradient : backward.dweight) EXPECT_EQ(gradient, 0);
          for (const float gradient : backward.dbias) EXPECT_EQ(gradient, 0);
        }
      }
    }
  });
}

TEST(EmptyTensor, HasNoBatchStatistics) {
  for (const Shape& shape : kEmptyShapes) {
    for (const Layout layout : kLayouts) {
      const Case test{.shape = shape, .layout = layout};
      SCOPED_TRACE(describe(test));
      const Problem problem = make_problem(test);
      NormRecord record;
      EXPECT_THROW(run_forward(test, problem, &record), Error);
    }
  }
}

TEST(EmptyTensor, WithoutChannelsHasNoResults) {
  float element = 0;
  for (const Layout layout : kLayouts) {
    for (const Shape& shape : {Shape{4, 0, 3}, Shape{4, 0}, Shape{4, 0, 16}}) {
      const TensorView none = {&element, shape, layout, DType::kF32};
      NormForward forward;
      forward.x = none;
      forward.y = none;
      forward.residual = none;
      forward.activation = Activation::kRelu;
      NormBackward backward;
      backward.x = none;
      backward.dy = none;
      backward.dx = none;
      const auto expect_nothing = [&](auto&& normalize) {
        NormRecord record;
        normalize(&record);
        EXPECT_TRUE(record.mean().empty());
        EXPECT_TRUE(record.moments().empty());
        EXPECT_NO_THROW(norm_backward(backward, record));
      };
      expect_nothing([&](NormRecord* record) { batch_norm(forward, {}, record); });
      expect_nothing([&](NormRecord* record) { instance_norm(forward, record); });
      expect_nothing([&](NormRecord* record) { group_norm(forward, 1, record); });
      expect_nothing([&](NormRecord* record) {
        layer_norm(forward, {.over = NormalizedOver::kChannels}, record);
      });
      expect_nothing([&](NormRecord* record) { rms_norm(forward, {.trailing = 1}, record); });
    }
  }
}

TEST(EmptyTensor, HasEmptySampleMoments) {
  float element = 0;
  for (const Layout layout : kLayouts) {
    const TensorView none = {&element, {2, 5, 0}, layout, DType::kF32};
    NormForward forward;
    forward.x = none;
    forward.y = none;
    NormRecord record;
    const auto expect_empty = [&](auto&& normalize) {
      std::vector<Moments> moments(10, Moments{.count = 7, .mean = 7, .m2 = 7});
      forward.sample_moments = moments;
      normalize();
      for (const Moments& m : moments) {
        EXPECT_EQ(m.count, 0);
        EXPECT_EQ(m.mean, 0);
        EXPECT_EQ(m.m2, 0);
      }
      for (const double rstd : record.rstd()) EXPECT_EQ(rstd, 1 / std::sqrt(forward.epsilon));
      EXPECT_EQ(record.moments().size(), record.rstd().size());
      for (const Moments& m : record.moments()) EXPECT_EQ(m.count, 0);
    };
    expect_empty([&] { instance_norm(forward, &record); });
    expect_empty([&] { group_norm(forward, 1, &record); });
  }
}

TEST(EmptyTensor, NeedsNoData) {
  const Shape shape = {0, 5, 3};
  const TensorView none{.shape = shape};
  NormForward forward;
  forward.x = forward.residual = none;
  forward.y = none;
  NormBackward backward;
  backward.x = backward.dy = backward.dy_second = none;
  backward.dx = backward.dresidual = none;
  NormRecord record;
  EXPECT_NO_THROW(instance_norm(forward, &record));
  EXPECT_NO_THROW(norm_repeat(forward, record));
  EXPECT_NO_THROW(norm_backward(backward, record));
}

TEST(EmptyTensor, RunningStatisticsAreThoseOfEveryChannel) {
  const Case test{.method = {.statistics = Statistics::kRunning}, .shape = {0, 5, 3}};
  const Problem problem = make_problem(test);
  NormRecord record;
  run_forward(test, problem, &record);
  ASSERT_EQ(record.mean().size(), 5U);
  EXPECT_EQ(record.mean()[2], problem.running_mean[2]);
}

}  // namespace
}  // namespace equipoise::testing
