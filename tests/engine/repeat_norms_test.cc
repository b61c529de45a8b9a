/// With lean memory, what the backward reads of normalizations is computed again: the same bits, in
/// less memory.

#include <algorithm>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/images.h"
#include "engine/made_up_timings.h"
#include "engine/networks.h"
#include "engine/runner.h"
#include "engine/three_steps.h"
#include "equipoise/plan_report.h"
#include "norm/targets.h"

namespace equipoise::testing {
namespace {

using ::testing::AnyOf;
using ::testing::Contains;
using ::testing::Each;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

constexpr ops::SgdOptions kSgd = {.momentum = 0.9, .weight_decay = 1e-4};
constexpr ops::Pair kSize = {32, 32};

std::vector<std::string> repeated(const PlanReport& report) {
  std::vector<std::string> names;
  for (const StepReport& step : report.steps) {
    if (step.operation.ends_with("_norm_repeat")) names.push_back(step.name);
  }
  return names;
}

using SmallCase = std::tuple<std::string, ModelNorm::Kind, int>;

class LeanMemoryOfSmall : public ::testing::TestWithParam<SmallCase> {};

TEST_P(LeanMemoryOfSmall, GivesTheBitsOfTheDefault) {
  const auto& [name, norm, threads] = GetParam();
  const RuntimeGuard guard;
  set_num_threads(threads);
  const Graph model = small_network(name, norm).graph;
  const auto values = values_of(model);
  const auto trained = [&](SessionOptions options) {
    options.optimizer = kSgd;
    Runner runner(model, values, options);
    return three_steps(runner.session(), [&] { return runner.train({.rate = 0.01F}); });
  };
  std::vector<std::optional<Layout>> layouts = {std::nullopt};
  if (norm == ModelNorm::Kind::kBatch) {
    layouts.insert(layouts.end(), {Layout::kChannelsFirst, Layout::kChannelsLast, Layout::kBlocked8,
                                   Layout::kBlocked16});
  }
  for (const std::optional<Layout>& layout : layouts) {
    SCOPED_TRACE(layout ? to_string(*layout) : "no layout");
    EXPECT_TRUE(trained({.layout = layout}) ==
                trained({.layout = layout, .memory = MemoryMode::kLean}));
  }
}

INSTANTIATE_TEST_SUITE_P(, LeanMemoryOfSmall,
                         ::testing::Combine(::testing::ValuesIn(small_network_names()),
                                            ::testing::Values(ModelNorm::Kind::kBatch,
                                                              ModelNorm::Kind::kGroup,
                                                              ModelNorm::Kind::kLayer),
                                            ::testing::Values(1, 2)),
                         [](const auto& tested) {
                           return fmt::format("{}_{}_{}", std::get<0>(tested.param),
                                              to_string(std::get<1>(tested.param)),
                                              std::get<2>(tested.param));
                         });

PlanReport report_of(const SessionOptions& options, Mode mode = Mode::kTraining,
                     const char* model = "resnet18") {
  return report_plan(classifier(model, {.input_size = kSize}), mode, 8, options);
}

TEST(RepeatNorms, LowersThePeak) {
  const auto arena = [](MemoryMode memory) {
    return report_of({.memory = memory, .optimizer = kSgd}).arena_bytes;
  };
  EXPECT_LT(arena(MemoryMode::kLean), arena(MemoryMode::kDefault));
}

TEST(RepeatNorms, ComesBeforeTheFirstReaderInTheBackward) {
  const PlanReport report = report_of({.memory = MemoryMode::kLean, .optimizer = kSgd});
  const std::vector<std::string> names = repeated(report);
  ASSERT_THAT(names, Not(IsEmpty()));
  for (const std::string& name : names) {
    const auto reads = [&name](const StepReport& step) {
      return std::ranges::find(step.inputs, name, &PlannedTensorReport::name) != step.inputs.end();
    };
    const auto reader = std::ranges::find_if(report.steps, reads);
    ASSERT_NE(reader, report.steps.end()) << name;
    EXPECT_EQ(std::ranges::find(report.steps, name, &StepReport::name) + 1, reader) << name;
    EXPECT_THAT(reader->operation, AnyOf(HasSubstr("gradient"), "reorder")) << name;
  }
}

TEST(RepeatNorms, LeavesTheDefaultAndInferenceAlone) {
  EXPECT_THAT(repeated(report_of({.optimizer = kSgd})), IsEmpty());
  EXPECT_THAT(repeated(report_of({.memory = MemoryMode::kLean}, Mode::kInference)), IsEmpty());
}

TEST(RepeatNorms, CanBeSkipped) {
  EXPECT_THAT(
      repeated(report_of(
          {.memory = MemoryMode::kLean, .skip_passes = {"repeat_norms"}, .optimizer = kSgd})),
      IsEmpty());
}

/// Where that needs no reorder, which would make a copy.
TEST(RepeatNorms, KeepsWhatIsGivenBack) {
  SessionOptions options{
      .layout = Layout::kChannelsFirst, .memory = MemoryMode::kLean, .optimizer = kSgd};
  EXPECT_THAT(repeated(report_of(options)), Contains("layer1.0.bn1.repeat"));
  options.taps = {"layer1.0.relu1"};
  EXPECT_THAT(repeated(report_of(options)), Not(Contains("layer1.0.bn1.repeat")));
}

/// Of the last blocks, gradients are computed when everything else is still there.
TEST(RepeatNorms, RepeatsNothingThatDoesNotLowerThePeak) {
  EXPECT_THAT(repeated(report_of({.memory = MemoryMode::kLean, .optimizer = kSgd})),
              Each(Not(HasSubstr("layer4.1.bn2"))));
}

/// Times that choose other layouts for single convolutions choose the same ones for both.
TEST(RepeatNorms, DoesNotChangeWhatMeasuredTimesChoose) {
  Timings measured;
  (void)report_of({.timings = &measured, .optimizer = kSgd}, Mode::kTraining, "resnet8");
  for (std::uint64_t seed = 0; seed < 3; ++seed) {
    std::uint64_t index = 0;
    Timings timings = made_up(
        measured, [&](auto&, auto&) { return 0.01 + static_cast<double>(uniform(seed, index++)); });
    const auto products = [&](MemoryMode memory) {
      std::vector<std::string> chosen;
      const PlanReport report = report_of(
          {.memory = memory, .timings = &timings, .optimizer = kSgd}, Mode::kTraining, "resnet8");
      for (const StepReport& step : report.steps) {
        if (step.flops > 0 && !step.operation.ends_with("_repeat")) {
          chosen.push_back(step.name + step.implementation + step.detail);
        }
      }
      return chosen;
    };
    EXPECT_EQ(products(MemoryMode::kDefault), products(MemoryMode::kLean));
  }
}

}  // namespace
}  // namespace equipoise::testing
