// Several ranks with uneven batches are one rank with all of it.

#include "norm/simulated_ranks.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <gtest/gtest.h>

#include "equipoise/error.h"
#include "norm/comparison.h"
#include "norm/finite_differences.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

Array samples_of(const Array& all, std::int64_t first, std::int64_t count) {
  if (all.empty()) return {};
  Array part(count, all.channels, all.positions);
  std::copy_n(all.values.begin() + all.index(first, 0, 0), part.size(), part.values.begin());
  return part;
}

/// What one rank sees of the whole problem.
Problem part_of(const Problem& whole, std::int64_t first, std::int64_t count) {
  Problem part = whole;
  const std::int64_t positions = whole.arguments.x.positions;
  part.arguments.x = samples_of(whole.arguments.x, first, count);
  part.arguments.residual = samples_of(whole.arguments.residual, first, count);
  part.dy_first = samples_of(whole.dy_first, first, count);
  part.dy_second = samples_of(whole.dy_second, first, count);
  if (!whole.position_weights.empty()) {
    const auto begin = whole.position_weights.begin() + first * positions;
    part.position_weights.assign(begin, begin + count * positions);
  }
  return part;
}

/// Results of all ranks put together; the statistics of each.
struct RanksRun {
  Array y;
  Array dx;
  std::vector<double> dweight;
  std::vector<double> dbias;
  std::vector<std::vector<double>> rstd;
  std::vector<std::vector<Moments>> moments;
};

RanksRun run_ranks(const Case& test, const Problem& whole, const std::vector<std::int64_t>& sizes) {
  const auto ranks = static_cast<int>(sizes.size());
  std::vector<ForwardRun> forwards(sizes.size());
  std::vector<BackwardRun> backwards(sizes.size());
  RanksRun result{.y = {}, .dx = {}, .dweight = {}, .dbias = {}, .rstd = {}, .moments = {}};
  result.rstd.resize(sizes.size());
  result.moments.resize(sizes.size());

  SimulatedRanks(ranks).run([&](int rank, Communicator& communicator) {
    const auto r = static_cast<std::size_t>(rank);
    std::int64_t first = 0;
    for (std::size_t before = 0; before < r; ++before) first += sizes[before];
    Case local = test;
    std::vector<std::int64_t> dimensions(test.shape.dimensions().begin(),
                                         test.shape.dimensions().end());
    dimensions[0] = sizes[r];
    local.shape = Shape(dimensions);
    const Problem problem = part_of(whole, first, sizes[r]);
    NormRecord record;
    forwards[r] = run_forward(local, problem, &record, nullptr, &communicator);
    backwards[r] = run_backward(local, problem, record);
    result.rstd[r].assign(record.rstd().begin(), record.rstd().end());
    result.moments[r].assign(record.moments().begin(), record.moments().end());
  });

  result.y = Array::like(whole.arguments.x);
  result.dx = result.y;
  auto y = result.y.values.begin();
  auto dx = result.dx.values.begin();
  const auto parameters = static_cast<std::size_t>(test.shape.channels());
  result.dweight.resize(parameters);
  result.dbias.resize(parameters);
  for (std::size_t r = 0; r < sizes.size(); ++r) {
    y = std::ranges::copy(forwards[r].y.unpack().values, y).out;
    dx = std::ranges::copy(backwards[r].dx.unpack().values, dx).out;
    for (std::size_t c = 0; c < parameters; ++c) {
      result.dweight[c] += backwards[r].dweight[c];
      result.dbias[c] += backwards[r].dbias[c];
    }
  }
  return result;
}

void expect_close(const char* name, const std::vector<double>& actual,
                  const std::vector<double>& expected, const std::vector<double>& scale) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    ASSERT_NEAR(actual[i], expected[i], kF32Tolerance * scale[i] + 1e-8) << name << "[" << i << "]";
  }
}

void expect_whole_batch(const Case& test, const std::vector<std::int64_t>& sizes) {
  SCOPED_TRACE(fmt::format("{} on ranks of {}", describe(test), sizes));
  const Problem problem = make_problem(test);
  const RanksRun run = run_ranks(test, problem, sizes);
  const auto expected = reference_forward(test, problem);
  const auto gradients = reference_backward(test, problem);
  expect_close("y", run.y.values, expected.y.values, expected.z_scale.values);
  expect_close("dx", run.dx.values, gradients.dx.values, gradients.dx_scale.values);
  expect_close("dweight", run.dweight, gradients.dweight, gradients.dweight_scale);
  expect_close("dbias", run.dbias, gradients.dbias, gradients.dbias_scale);
  for (std::size_t r = 0; r < sizes.size(); ++r) {
    EXPECT_EQ(run.rstd[r], run.rstd[0]) << "ranks disagree";
    if (test.method.statistics != Statistics::kRunning) {
      expect_moments(run.moments[r], expected.moments);
    }
  }
}

const std::vector<std::vector<std::int64_t>> kRankSizes = {{6},    {3, 3},       {1, 5},
                                                           {0, 6}, {2, 0, 1, 3}, {6, 0, 0}};

std::vector<Method> synchronized_methods() {
  std::vector<Method> methods;
  for (const Method& method : batch_methods()) {
    if (method.ghost_batch_size == 0) methods.push_back(method);
  }
  return methods;
}

TEST(SimulatedRanks, AreOneRankWithTheWholeBatch) {
  const SmallCaches several_threads(1 << 10);
  std::uint64_t seed = 0;
  for (const Method& method : synchronized_methods()) {
    for (const auto& sizes : kRankSizes) {
      for (const Layout layout : kLayouts) {
        for (const Weighting weighting : kWeightings) {
          ++seed;
          expect_whole_batch({.method = method,
                              .shape = {6, 18, 3, 5},
                              .layout = layout,
                              .activation = kActivations[seed % 8],
                              .residual = seed % 2 == 0,
                              .weighting = weighting,
                              .threads = static_cast<int>(seed % 3) + 1,
                              .seed = seed},
                             sizes);
        }
      }
    }
  }
}

TEST(SimulatedRanks, OneValuePerRankIsEnough) {
  expect_whole_batch({.shape = {3, 5}}, {1, 1, 1});
  expect_whole_batch({.shape = {2, 5}}, {1, 0, 1});
}

TEST(SimulatedRanks, NeedNoBuffersWhereEmptyAndNoDx) {
  const Case test{.shape = {6, 5, 3}};
  const Problem problem = make_problem(test);
  const auto expected = reference_backward(test, problem);
  Array dx;
  SimulatedRanks(3).run([&](int rank, Communicator& communicator) {
    const std::int64_t count = rank == 1 ? 0 : 3;
    const Shape shape = {count, 5, 3};
    const Problem part = part_of(problem, rank == 2 ? 3 : 0, count);
    const auto view_of = [&](const TensorBuffer& buffer) {
      ConstTensorView view = buffer.view();
      if (rank == 1) view.data = nullptr;
      return view;
    };
    const TensorBuffer x(part.arguments.x, shape, test.layout, test.dtype);
    const TensorBuffer dy(part.dy_first, shape, test.layout, test.dtype);
    TensorBuffer y(shape, test.layout, test.dtype);
    TensorBuffer gradient = y;
    NormForward forward;
    forward.x = view_of(x);
    forward.y = rank == 1 ? TensorView{nullptr, shape, test.layout, test.dtype} : y.view();
    forward.weight = part.weight;
    forward.bias = part.bias;
    NormRecord record;
    batch_norm(forward, {.communicator = &communicator}, &record);
    NormBackward backward;
    backward.x = view_of(x);
    backward.dy = view_of(dy);
    if (rank == 0) backward.dx = gradient.view();
    backward.weight = part.weight;
    backward.bias = part.bias;
    norm_backward(backward, record);
    if (rank == 0) dx = gradient.unpack();
  });
  expect_close("dx", dx.values, samples_of(expected.dx, 0, 3).values,
               samples_of(expected.dx_scale, 0, 3).values);
}

TEST(SimulatedRanks, OneValuePerChannelOnAllRanksTogetherIsAnErrorOnEach) {
  const Case test{.shape = {1, 5}};
  const Problem problem = make_problem(test);
  std::vector<int> threw(3);
  SimulatedRanks(3).run([&](int rank, Communicator& communicator) {
    Case local = test;
    local.shape = {rank == 1 ? 1 : 0, 5};
    const Problem part = part_of(problem, 0, rank == 1 ? 1 : 0);
    NormRecord record;
    try {
      run_forward(local, part, &record, nullptr, &communicator);
    } catch (const Error&) {
      threw[static_cast<std::size_t>(rank)] = 1;
    }
  });
  EXPECT_EQ(threw, std::vector<int>(3, 1));
}

TEST(SimulatedRanks, GradientIsThatOfFiniteDifferencesOfTheWholeLoss) {
  for (Case test : gradient_cases()) {
    if (test.method.normalization != Normalization::kBatch) continue;
    if (test.method.ghost_batch_size != 0) continue;
    SCOPED_TRACE(describe(test));
    const Problem problem = make_problem(test);
    const Differences differences = finite_differences(test, problem);
    const auto scales = reference_backward(test, problem);
    const RanksRun run = run_ranks(test, problem, {1, 0, 3});
    expect_close("dx", run.dx.values, differences.dx.values, scales.dx_scale.values);
    expect_close("dweight", run.dweight, differences.dweight, scales.dweight_scale);
    expect_close("dbias", run.dbias, differences.dbias, scales.dbias_scale);
  }
}

}  // namespace
}  // namespace equipoise::testing
