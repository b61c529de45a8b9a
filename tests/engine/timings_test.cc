#include "equipoise/timings.h"

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "engine/images.h"
#include "engine/made_up_timings.h"
#include "equipoise/error.h"
#include "equipoise/plan_report.h"

namespace equipoise::testing {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
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

TEST(Timings, AreTheSameFromAFile) {
  const TemporaryFolder folder;
  Timings timings;
  timings.set("a → \"b\"", "onednn", 0.1 + 0.2);
  timings.save(folder / "plan.json");
  EXPECT_EQ(Timings::load(folder / "plan.json").find("a → \"b\"", "onednn"), 0.1 + 0.2);
  timings.set("a", "b", 1);
  timings.save(folder / "plan.json");
  EXPECT_EQ(Timings::load(folder / "plan.json").size(), 2U);
}

TEST(Timings, OfNoFileAndOfAnotherMachineAreNone) {
  const TemporaryFolder folder;
  EXPECT_EQ(Timings::load(folder / "none.json").size(), 0U);
  Timings timings;
  timings.set("a", "b", 1);
  Json other = document(timings, folder);
  other["machine"] = "another";
  std::ofstream(folder / "plan.json") << other;
  EXPECT_EQ(Timings::load(folder / "plan.json").size(), 0U);
}

TEST(Timings, OfAFileThatIsNoneIsAnError) {
  const TemporaryFolder folder;
  Timings timings;
  timings.set("a", "b", 1);
  const Json good = document(timings, folder);
  std::vector<std::string> bad = {"",  "{",  "[]",
                                  "7", "{}", "{\"kind\": \"bench\", \"version\": 1}"};
  for (const char* time : {"-1", "\"fast\"", "null", "[1]"}) {
    Json changed = good;
    changed["milliseconds"]["a"]["b"] = Json::parse(time);
    bad.push_back(changed.dump());
  }
  Json changed = good;
  changed["milliseconds"] = 3;
  bad.push_back(changed.dump());
  changed = good;
  changed["milliseconds"]["a"] = 3;
  bad.push_back(changed.dump());
  changed = good;
  changed["version"] = 2;
  bad.push_back(changed.dump());
  for (const std::string& text : bad) {
    std::ofstream(folder / "plan.json") << text;
    try {
      (void)Timings::load(folder / "plan.json");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), AllOf(HasSubstr("plan.json"), HasSubstr("delete it"))) << text;
    }
  }
}

TEST(Timings, ThatCannotBeWrittenLeaveTheFile) {
  const TemporaryFolder folder;
  Timings timings;
  timings.set("a", "b", 1);
  timings.save(folder / "plan.json");
  std::filesystem::create_directory(folder / "plan.json.new");  // in the way
  timings.set("a", "c", 1);
  EXPECT_THROW(timings.save(folder / "plan.json"), Error);
  EXPECT_EQ(Timings::load(folder / "plan.json").size(), 1U);
  EXPECT_THROW(timings.save(folder / "none" / "plan.json"), Error);
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
  const TemporaryFolder folder;
  const auto is_row_major = [](const std::string& way) {
    return way.find("blocked") == std::string::npos &&
           way.find("channels_last") == std::string::npos;
  };
  Timings timings = made_up(measured(graph), folder, [&](auto& problem, auto& way) {
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
  const TemporaryFolder folder;
  const Timings of_machine = measured(graph);
  const auto reorders = [&](double other) {
    const auto is_last = [](const std::string& way) {
      return way.find("channels_last") != std::string::npos;
    };
    int seen = 0;
    Timings timings = made_up(of_machine, folder, [&](auto& problem, auto& way) {
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
