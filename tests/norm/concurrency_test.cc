// Calls from several threads at once, each with a workspace of its own.

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

TEST(Concurrency, BackwardsAndRepeatsShareARecord) {
  const RuntimeGuard guard;
  for (const Method& method : all_methods()) {
    const Case test{.method = method,
                    .shape = {4, 18, 5, 7},
                    .layout = Layout::kBlocked8,
                    .activation = Activation::kRelu,
                    .residual = true};
    SCOPED_TRACE(describe(test));
    const Problem problem = make_problem(test);
    NormRecord record;
    const ForwardRun run = run_forward(test, problem, &record);
    const std::vector<std::byte> y = run.y.bytes();
    const std::vector<std::byte> dx = run_backward(test, problem, record).dx.bytes();
    std::vector<std::vector<std::byte>> again(4);
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < again.size(); ++i) {
      callers.emplace_back([&, i] {
        if (i % 2 == 0) {
          again[i] = run_backward(test, problem, record).dx.bytes();
          return;
        }
        TensorBuffer buffer(test.shape, test.layout, test.dtype);
        norm_repeat({.x = run.x.view(),
                     .y = buffer.view(),
                     .weight = problem.weight,
                     .bias = problem.bias,
                     .residual = run.residual.view()},
                    record);
        again[i] = buffer.bytes();
      });
    }
    for (std::thread& caller : callers) caller.join();
    for (std::size_t i = 0; i < again.size(); ++i)
      EXPECT_TRUE(again[i] == (i % 2 == 0 ? dx : y)) << i;
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
