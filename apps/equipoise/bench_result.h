#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "equipoise/plan_report.h"
#include "equipoise/runtime.h"
#include "equipoise/session.h"
#include "output.h"

namespace equipoise::program {

/// What `equipoise bench train` and `infer` have measured.
struct BenchResult {
  std::string model;
  Mode mode = Mode::kInference;
  std::int64_t batch = 1;
  Shape image = {};
  int threads = 1;
  MemoryMode memory = MemoryMode::kDefault;
  double compile_ms = 0;
  /// In the order in which they ran.
  std::vector<double> run_ms = {};
  std::size_t arena_bytes = 0;
  std::size_t peak_resident_bytes = 0;

  double median_ms() const;
  double minimum_ms() const;
  double images_per_second() const;
};

/// Where the time goes: the medians of each step over profiled runs.
struct BenchProfile {
  PlanReport plan;
  std::vector<double> step_ms;
  MachineLimits limits;
};

std::string bench_text(const BenchResult& result);
std::string profile_text(const BenchProfile& profile, const Style& style);
/// `profile` may be null.
std::string bench_document(const BenchResult& result, const BenchProfile* profile);

struct BenchFloor {
  std::string model;
  Mode mode = Mode::kInference;
  std::int64_t batch = 1;
  int threads = 1;
  std::vector<FloorRow> rows;
};

std::string floor_text(const BenchFloor& floor, const Style& style);
std::string floor_document(const BenchFloor& floor);

}  // namespace equipoise::program
