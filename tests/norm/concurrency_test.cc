// Calls from several threads at once, each with its own record and workspace.

#include <thread>

#include <gtest/gtest.h>

#include "norm/methods.h"
#include "norm/raw_run.h"
#include "norm/targets.h"
#include "norm/units.h"

namespace equipoise::testing {
namespace {

TEST(Concurrency, CallersDoNotDisturbEachOther) {
  const RuntimeGuard guard;
  const SmallCaches several_threads;
  const std::vector<Method> methods = plain_methods();
  std::vector<RawRun> runs;
  std::vector<Bits> expected;
  for (const Method& method : methods) {
    Case test{.method = method, .shape = {4, 24, 9, 11}, .layout = Layout::kBlocked8};
    test.activation = Activation::kSilu;
    expected.push_back(runs.emplace_back(test).run(2, false));
  }
  const std::int64_t bytes = Shape{4, 24, 9, 11}.element_count() * 4;
  ASSERT_EQ(norm::threads_for(bytes), 2);
  std::vector<Bits> actual(methods.size());
  std::vector<std::thread> callers;
  for (std::size_t i = 0; i < methods.size(); ++i) {
    callers.emplace_back([&, i] {
      for (int repetition = 0; repetition < 5; ++repetition) actual[i] = runs[i].run(2, false);
    });
  }
  for (std::thread& caller : callers) caller.join();
  for (std::size_t i = 0; i < methods.size(); ++i) {
    SCOPED_TRACE(describe(methods[i]));
    expect_same_bits(actual[i], expected[i]);
  }
}

TEST(Workspace, DoesNotGrowWhenACallIsRepeated) {
  for (const Method& method : all_methods()) {
    for (const Layout layout : kLayouts) {
      const Case test{.method = method, .shape = {4, 18, 5, 7}, .layout = layout};
      SCOPED_TRACE(describe(test));
      const Problem problem = make_problem(test);
      NormRecord record;
      Workspace workspace;
      run_forward(test, problem, &record, &workspace);
      run_backward(test, problem, record, &workspace);
      const std::size_t capacity = workspace.capacity();
      EXPECT_GT(capacity, 0U);
      run_forward(test, problem, &record, &workspace);
      run_backward(test, problem, record, &workspace);
      EXPECT_EQ(workspace.capacity(), capacity);
    }
  }
}

}  // namespace
}  // namespace equipoise::testing
