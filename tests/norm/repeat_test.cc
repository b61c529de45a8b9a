// y once more, from what the forward left in its record.

#include <limits>
#include <thread>

#include <gtest/gtest.h>

#include "norm/error_message.h"
#include "norm/methods.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

enum class Target : std::uint8_t { kOwn, kResidual };

/// What a caller has to give again, into `y`.
NormForward again(const Problem& problem, const ForwardRun& run, const TensorView& y) {
  return {.x = run.x.view(),
          .y = y,
          .weight = problem.weight,
          .bias = problem.bias,
          .residual = run.residual.view()};
}

void expect_same_bits_again(const Case& test, Target target = Target::kOwn) {
  SCOPED_TRACE(describe(test));
  const Problem problem = make_problem(test);
  NormRecord record;
  ForwardRun run = run_forward(test, problem, &record);
  const std::vector<std::byte> expected = run.y.bytes();
  TensorBuffer own(test.shape, test.layout, test.dtype, test.misalignment);
  TensorBuffer& y = target == Target::kOwn ? own : run.residual;
  const TensorView view = y.view();
  norm_repeat(again(problem, run, view), record);
  EXPECT_TRUE(y.bytes() == expected);
  EXPECT_TRUE(y.guards_intact());
}

TEST(NormRepeat, GivesTheBitsOfTheForward) {
  for_each_target([&] {
    std::uint64_t seed = 1;
    for (const Method& method : all_methods()) {
      for (const Layout layout : kLayouts) {
        for (const DType dtype : kDTypes) {
          for (const bool residual : {false, true}) {
            ++seed;
            expect_same_bits_again(
                {.method = method,
                 .shape = {5, 18, 5, 7},
                 .layout = layout,
                 .dtype = dtype,
                 .activation = kActivations[seed / 2 % 8],
                 .weight = seed % 5 != 0,
                 .bias = seed % 7 != 0,
                 .residual = residual,
                 .weighting = method.is_row_wise() ? Weighting::kNone : kWeightings[seed % 3],
                 .misalignment = static_cast<std::int64_t>(seed % 4),
                 .threads = static_cast<int>(1 + seed / 3 % 2),
                 .seed = seed});
          }
        }
      }
    }
  });
}

TEST(NormRepeat, GivesThemForExtremeStatistics) {
  for (const Values values : {Values::kLargeMean, Values::kOutliers, Values::kConstantChannels}) {
    for (const Method& method : all_methods()) {
      for (const Layout layout : kLayouts) {
        expect_same_bits_again({.method = method,
                                .shape = {4, 16, 9},
                                .layout = layout,
                                .activation = Activation::kRelu,
                                .residual = true,
                                .values = values});
      }
    }
  }
}

TEST(NormRepeat, GivesThemForFewLongRows) {
  for (const bool residual : {false, true}) {
    expect_same_bits_again(
        {.method = {.normalization = Normalization::kLayer, .axes = {.trailing = 1}},
         .shape = {2, 40003},
         .activation = Activation::kRelu,
         .residual = residual,
         .threads = 2});
  }
}

TEST(NormRepeat, MayBeWrittenOverTheResidual) {
  const SmallCaches streamed(1 << 10);
  for (const Method& method : all_methods()) {
    for (const Layout layout : kLayouts) {
      expect_same_bits_again({.method = method,
                              .shape = {4, 18, 5, 7},
                              .layout = layout,
                              .activation = Activation::kRelu,
                              .residual = true},
                             Target::kResidual);
    }
  }
}

TEST(NormRepeat, LeavesTheBitsForTheBackward) {
  const Case test{.shape = {4, 16, 9}, .activation = Activation::kRelu, .residual = true};
  const Problem problem = make_problem(test);
  NormRecord record;
  ForwardRun run = run_forward(test, problem, &record);
  const std::vector<std::byte> expected = run_backward(test, problem, record).dx.bytes();
  const TensorView y = run.y.view();
  norm_repeat(again(problem, run, y), record);
  EXPECT_TRUE(run_backward(test, problem, record).dx.bytes() == expected);
}

TEST(NormRepeat, SharesTheRecordWithOthersAndWithBackwards) {
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
    std::vector<std::vector<std::byte>> repeated(2);
    std::vector<std::vector<std::byte>> gradients(2);
    std::vector<std::thread> callers;
    for (std::size_t i = 0; i < 2; ++i) {
      callers.emplace_back([&, i] {
        TensorBuffer buffer(test.shape, test.layout, test.dtype);
        norm_repeat(again(problem, run, buffer.view()), record);
        repeated[i] = buffer.bytes();
      });
      callers.emplace_back(
          [&, i] { gradients[i] = run_backward(test, problem, record).dx.bytes(); });
    }
    for (std::thread& caller : callers) caller.join();
    for (std::size_t i = 0; i < 2; ++i) {
      EXPECT_TRUE(repeated[i] == y);
      EXPECT_TRUE(gradients[i] == dx);
    }
  }
}

TEST(NormRepeat, DoesNotLookAtWhatItDoesNotUse) {
  for (const Method& method : all_methods()) {
    const Case test{.method = method, .shape = {4, 18, 5, 7}, .residual = true};
    SCOPED_TRACE(describe(test));
    const Problem problem = make_problem(test);
    NormRecord record;
    ForwardRun run = run_forward(test, problem, &record);
    TensorBuffer y(test.shape, test.layout, test.dtype);
    NormForward arguments = again(problem, run, y.view());
    const std::vector<float> weights(3, -1.0F);
    std::vector<Moments> moments(2);
    arguments.epsilon = 0;
    arguments.activation = static_cast<Activation>(99);
    arguments.negative_slope = std::numeric_limits<float>::quiet_NaN();
    arguments.position_weights = weights;
    arguments.sample_moments = moments;
    norm_repeat(arguments, record);
    EXPECT_TRUE(y.bytes() == run.y.bytes());
  }
}

TEST(NormRepeat, ArgumentsOfAnotherForwardAreErrors) {
  const Case test{.shape = {4, 6, 9}, .activation = Activation::kRelu, .residual = true};
  const Problem problem = make_problem(test);
  NormRecord record;
  ForwardRun run = run_forward(test, problem, &record);
  TensorBuffer y(test.shape, test.layout, test.dtype);
  const NormForward right = again(problem, run, y.view());
  const auto message = [&](const NormForward& wrong, const NormRecord& given) {
    return message_of([&] { norm_repeat(wrong, given); });
  };
  EXPECT_EQ(message(right, NormRecord()),
            "norm repeat: the record is empty; give it to the forward first");
  NormForward wrong = right;
  wrong.residual = {};
  EXPECT_EQ(message(wrong, record), "norm repeat: the forward had a residual; give the same");
  wrong = right;
  wrong.weight = wrong.weight.first(5);
  EXPECT_NE(message(wrong, record).find("weight has 5 elements"), std::string::npos);
  wrong.weight = {};
  EXPECT_EQ(message(wrong, record), "norm repeat: the forward had a weight; give the same");
  wrong = right;
  const Case other{.shape = {2, 6, 18}};
  const Problem other_problem = make_problem(other);
  const TensorBuffer x(other_problem.arguments.x, other.shape, other.layout, other.dtype);
  wrong.x = x.view();
  EXPECT_NE(message(wrong, record).find("give the same tensor"), std::string::npos);
}

}  // namespace
}  // namespace equipoise::testing
