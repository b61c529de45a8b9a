#include "equipoise/timings.h"

#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "base/error_of.h"
#include "engine/images.h"
#include "engine/made_up_timings.h"
#include "equipoise/plan_report.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;
Timings measured(const Graph& graph) {
  Timings timings;
  (void)report_plan(graph, Mode::kTraining, 2, {.timings = &timings});
  return timings;
}

std::string plan_text(const Graph& graph, Timings* timings) {
  PlanReport report = report_plan(graph, Mode::kTraining, 2, {.timings = timings});
  for (PassReport& pass : report.passes) pass.milliseconds = 0;
  return to_string(report);
}

TEST(Timings, AreFoundAsTheyWereSet) {
  Timings timings;
  EXPECT_EQ(timings.find("a", "b"), std::nullopt);
  timings.set("a", "b", 1.5);
  timings.set("a", "c", 2);
  timings.set("a", "b", 0.1);
  EXPECT_EQ(timings.find("a", "b"), 0.1);
  EXPECT_EQ(timings.find("a", "d"), std::nullopt);
  EXPECT_EQ(timings.size(), 2U);
}

Timings one_time() {
  Timings timings;
  timings.set("a", "b", 1);
  return timings;
}

TEST(Timings, AreTheSameFromTheirText) {
  Timings timings;
  timings.set("a → \"b\"", "onednn", 0.1 + 0.2);
  timings.set("a", "b", 1);
  const Timings read = Timings::parse(timings.to_text(), "plan.json");
  EXPECT_EQ(read.size(), 2U);
  EXPECT_EQ(read.find("a → \"b\"", "onednn"), 0.1 + 0.2);
}

TEST(Timings, OfAnotherMachineAreNone) {
  Json other = Json::parse(one_time().to_text());
  other["machine"] = "another";
  EXPECT_EQ(Timings::parse(other.dump(), "plan.json").size(), 0U);
}

TEST(Timings, OfATextThatIsNoneAreAnError) {
  const Json good = Json::parse(one_time().to_text());
  std::vector<std::string> bad = {"",  "{",  "[]",
                                  "7", "{}", "{\"kind\": \"bench\", \"version\": 1}"};
  const auto add = [&](auto change) {
    Json changed = good;
    change(changed);
    bad.push_back(changed.dump());
  };
  for (const char* time : {"-1", "\"fast\"", "null", "[1]"}) {
    add([&](Json& json) { json["milliseconds"]["a"]["b"] = Json::parse(time); });
  }
  add([](Json& json) { json["milliseconds"] = 3; });
  add([](Json& json) { json["milliseconds"]["a"] = 3; });
  add([](Json& json) { json["version"] = 2; });
  for (const std::string& text : bad) {
    EXPECT_THAT(error_of([&] { static_cast<void>(Timings::parse(text, "plan.json")); }),
                AllOf(HasSubstr("plan.json"), HasSubstr("delete it")))
        << text;
  }
}

TEST(PlanByTimings, MeasuresOnceAndIsTheSameAgain) {
  const Graph graph = classifier();
  Timings timings = measured(graph);
  const std::size_t size = timings.size();
  EXPECT_GT(size, 10U);
  const std::string first = plan_text(graph, &timings);
  EXPECT_EQ(timings.size(), size);
  EXPECT_EQ(plan_text(graph, &timings), first);
}

/// What the fastest way is called, and that it says why the usual one is not.
TEST(PlanByTimings, TakesWhatIsFastestAndSaysWhatTheOthersTake) {
  const Graph graph = classifier("resnet8", {.input_size = {{16, 16}}});
  const auto is_row_major = [](const std::string& way) {
    return way.find("blocked") == std::string::npos &&
           way.find("channels_last") == std::string::npos;
  };
  Timings timings = made_up(measured(graph), [&](auto& problem, auto& way) {
    if (problem.starts_with("reorder")) return 0.001;
    return problem.starts_with("convolution(") && is_row_major(way) ? 1.0 : 100.0;
  });
  const PlanReport report = report_plan(graph, Mode::kTraining, 2, {.timings = &timings});
  int convolutions = 0;
  for (const StepReport& step : report.steps) {
    if (step.operation != "convolution") continue;
    ++convolutions;
    EXPECT_EQ(step.outputs[0].format, "row-major") << step.name;
    ASSERT_FALSE(step.declined.empty()) << step.name;
    EXPECT_THAT(step.declined[0].reason, HasSubstr("takes 100 ms")) << step.name;
  }
  EXPECT_EQ(convolutions, 9);
}

TEST(PlanByTimings, ReordersImagesOnlyWhereMuchIsGained) {
  const Graph graph = classifier();
  const Timings of_machine = measured(graph);
  const auto reorders = [&](double other) {
    const auto is_last = [](const std::string& way) {
      return way.find("channels_last") != std::string::npos;
    };
    int seen = 0;
    Timings timings = made_up(of_machine, [&](auto& problem, auto& way) {
      if (problem.starts_with("reorder")) return 0.001;
      // One problem of several, so that the layout as a whole stays.
      const bool chosen = problem.starts_with("convolution(") && is_last(way) && seen++ == 0;
      return chosen ? other : 1.0;
    });
    const PlanReport report = report_plan(graph, Mode::kTraining, 2,
                                          {.layout = Layout::kChannelsFirst, .timings = &timings});
    int count = 0;
    for (const StepReport& step : report.steps) {
      count += static_cast<int>(step.operation == "reorder" &&
                                step.outputs[0].format == "channels_last");
    }
    return count;
  };
  EXPECT_EQ(reorders(0.9), 0);
  EXPECT_GT(reorders(0.5), 0);
}

}  // namespace
}  // namespace equipoise::testing
