#pragma once

#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include "equipoise/timings.h"

namespace equipoise::testing {

using Json = nlohmann::json;

/// Of the running test, empty at first.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    path_ = std::filesystem::path(::testing::TempDir()) /
            fmt::format("{}_{}", test->test_suite_name(), test->name());
    std::filesystem::remove_all(path_);
    std::filesystem::create_directories(path_);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }

  std::filesystem::path operator/(const char* name) const { return path_ / name; }

 private:
  std::filesystem::path path_;
};

inline Json document(const Timings& timings, const TemporaryFolder& folder) {
  timings.save(folder / "plan.json");
  std::ifstream file(folder / "plan.json");
  return Json::parse(file);
}

/// The measured ways of a network, their times made up: each by the name of its problem and itself.
template <class Time>
Timings made_up(const Timings& measured, const TemporaryFolder& folder, Time time) {
  Timings timings;
  const Json problems = document(measured, folder)["milliseconds"];
  for (const auto& [problem, ways] : problems.items()) {
    for (const auto& [way, milliseconds] : ways.items()) {
      timings.set(problem, way, time(problem, way));
    }
  }
  return timings;
}

}  // namespace equipoise::testing
