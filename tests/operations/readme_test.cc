/// The table of tests/README.md has all operations, and each of them is timed.

#include <algorithm>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "operations/operation_cases.h"

namespace equipoise::testing {
namespace {

using ::testing::Contains;
using ::testing::ElementsAreArray;
using ::testing::HasSubstr;
using ::testing::Not;

/// Behind its head; one element per row.
std::vector<std::string> table_of_readme() {
  std::ifstream readme(EQUIPOISE_SOURCE_DIR "/tests/README.md");
  std::vector<std::string> rows;
  std::string line;
  while (std::getline(readme, line) && !line.starts_with("operation  ")) {
  }
  while (std::getline(readme, line) && line != "```") rows.push_back(line);
  return rows;
}

struct Operation {
  std::string name;
  std::vector<OperationTest> cases;
};

/// In the order of their cases.
std::vector<Operation> operations() {
  std::vector<Operation> all;
  for (OperationTest& test : all_operation_tests()) {
    const std::string name = operation_of(test);
    auto found = std::ranges::find(all, name, &Operation::name);
    if (found == all.end()) found = all.insert(all.end(), {.name = name, .cases = {}});
    found->cases.push_back(std::move(test));
  }
  return all;
}

TEST(OperationTable, OfTheReadmeHasARowPerOperationAndLayout) {
  std::vector<std::string> expected;
  for (const Operation& operation : operations()) {
    for (const Layout layout : layouts_of(operation.cases)) {
      const auto cases =
          std::ranges::count_if(operation.cases, [&](const auto& c) { return runs_in(layout, c); });
      expected.push_back(
          fmt::format("{} {} {}", operation.name,
                      layout == Layout::kChannelsFirst ? "row-major" : to_string(layout), cases));
    }
  }
  std::vector<std::string> shown;
  for (const std::string& row : table_of_readme()) {
    EXPECT_THAT(row, Not(HasSubstr("missing")));
    EXPECT_THAT(row, Not(HasSubstr("fails")));
    std::istringstream words(row);
    std::string operation, layout, cases;
    words >> operation >> layout >> cases;
    shown.push_back(fmt::format("{} {} {}", operation, layout, cases));
  }
  EXPECT_THAT(shown, ElementsAreArray(expected)) << "put what 'operations --list' prints there";
}

TEST(OperationTable, EveryOperationIsTimed) {
  std::vector<std::string> timed;
  for (const OperationTest& test : timed_tests()) timed.push_back(operation_of(test));
  for (const Operation& operation : operations()) EXPECT_THAT(timed, Contains(operation.name));
}

}  // namespace
}  // namespace equipoise::testing
