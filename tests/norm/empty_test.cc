// No samples, or no positions.

#include "norm/targets.h"

#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/comparison.h"
#include "norm/methods.h"

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
