#include <numeric>

#include <nlohmann/json.hpp>

#include "bench_result.h"
#include "command.h"

namespace equipoise::program {
namespace {

using Json = nlohmann::ordered_json;

constexpr double kMiB = 1048576.0;

const char* word(Mode mode) { return mode == Mode::kTraining ? "train" : "infer"; }

std::size_t bytes_of(const std::vector<PlannedTensorReport>& tensors) {
  return std::accumulate(
      tensors.begin(), tensors.end(), std::size_t{0},
      [](std::size_t sum, const PlannedTensorReport& tensor) { return sum + tensor.bytes; });
}

Json profile_json(const BenchProfile& profile) {
  Json steps = Json::array();
  for (std::size_t s = 0; s < profile.plan.steps.size(); ++s) {
    const StepReport& step = profile.plan.steps[s];
    steps.push_back({{"name", step.name},
                     {"operation", step.operation},
                     {"implementation", step.implementation},
                     {"detail", step.detail},
                     {"milliseconds", profile.step_ms[s]},
                     {"flops", step.flops},
                     {"bytes", step.alias ? 0 : bytes_of(step.inputs) + bytes_of(step.outputs)}});
  }
  return {{"bytes_per_second", profile.limits.bytes_per_second},
          {"flops_per_second", profile.limits.flops_per_second},
          {"steps", steps}};
}

}  // namespace

std::string bench_document(const BenchResult& result, const BenchProfile* profile) {
  Json document = {{"equipoise", kVersion},
                   {"kind", "bench"},
                   {"version", 1},
                   {"mode", word(result.mode)},
                   {"model", result.model},
                   {"batch", result.batch},
                   {"size", result.image.rank() == 4 ? result.image[2] : 0},
                   {"threads", result.threads},
                   {"memory", to_string(result.memory)},
                   {"median_ms", result.median_ms()},
                   {"minimum_ms", result.minimum_ms()},
                   {"runs_ms", result.run_ms},
                   {"images_per_second", result.images_per_second()},
                   {"peak_resident_mib", static_cast<double>(result.peak_resident_bytes) / kMiB},
                   {"arena_mib", static_cast<double>(result.arena_bytes) / kMiB},
                   {"compile_ms", result.compile_ms}};
  if (profile != nullptr) document["profile"] = profile_json(*profile);
  return document.dump(2) + "\n";
}

std::string floor_document(const BenchFloor& floor) {
  Json rows = Json::array();
  double total = 0;
  for (const FloorRow& row : floor.rows) {
    total += row.milliseconds;
    rows.push_back({{"name", row.name},
                    {"operation", row.operation},
                    {"implementation", row.implementation},
                    {"detail", row.detail},
                    {"format", row.format},
                    {"milliseconds", row.milliseconds},
                    {"flops", row.flops}});
  }
  const Json document = {
      {"equipoise", kVersion},    {"kind", "bench floor"}, {"version", 1},
      {"mode", word(floor.mode)}, {"model", floor.model},  {"batch", floor.batch},
      {"threads", floor.threads}, {"floor_ms", total},     {"rows", rows}};
  return document.dump(2) + "\n";
}

}  // namespace equipoise::program
