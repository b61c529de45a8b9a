#include "equipoise/timings.h"

#include <algorithm>
#include <fstream>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "engine/onednn/adapter.h"
#include "equipoise/error.h"
#include "equipoise/runtime.h"

namespace equipoise {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kKind = "plan";
constexpr int kVersion = 1;

/// What times depend on besides the problem.
std::string machine() {
  std::ifstream cpus("/proc/cpuinfo");
  std::string processor = "unknown processor";
  for (std::string line; std::getline(cpus, line);) {
    if (!line.starts_with("model name")) continue;
    processor = line.substr(std::min(line.find(": "), line.size() - 2) + 2);
    break;
  }
  return fmt::format("{}, {}, oneDNN {}", processor, simd_target(), engine::onednn::version());
}

}  // namespace

std::optional<double> Timings::find(std::string_view problem, std::string_view way) const {
  const auto ways = problems_.find(problem);
  if (ways == problems_.end()) return std::nullopt;
  const auto time = ways->second.find(way);
  if (time == ways->second.end()) return std::nullopt;
  return time->second;
}

void Timings::set(std::string_view problem, std::string_view way, double milliseconds) {
  problems_[std::string(problem)].insert_or_assign(std::string(way), milliseconds);
}

std::size_t Timings::size() const {
  std::size_t count = 0;
  for (const auto& [problem, ways] : problems_) count += ways.size();
  return count;
}

Timings Timings::parse(std::string_view text, std::string_view where) {
  const Json document = Json::parse(text, nullptr, false);
  const auto require = [&](bool condition) {
    if (condition) return;
    throw Error(fmt::format(
        "'{}' is no plan as --plan writes it; delete it, and it is measured anew", where));
  };
  require(document.is_object() && document.value("kind", Json()) == kKind &&
          document.value("version", Json()) == kVersion && document.contains("milliseconds") &&
          document["milliseconds"].is_object());
  Timings timings;
  if (document.value("machine", Json()) != machine()) return timings;
  for (const auto& [problem, ways] : document["milliseconds"].items()) {
    require(ways.is_object());
    for (const auto& [way, time] : ways.items()) {
      require(time.is_number() && time.get<double>() >= 0);
      timings.set(problem, way, time.get<double>());
    }
  }
  return timings;
}

std::string Timings::to_text() const {
  Json document = {{"kind", kKind}, {"version", kVersion}, {"machine", machine()}};
  Json& problems = document["milliseconds"] = Json::object();
  for (const auto& [problem, ways] : problems_) problems[problem] = ways;
  return document.dump(1) + '\n';
}

}  // namespace equipoise
