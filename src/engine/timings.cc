#include "equipoise/timings.h"

#include <cerrno>
#include <cmath>
#include <cstring>
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

[[noreturn]] void fail(const std::filesystem::path& path, std::string_view what) {
  throw Error(fmt::format("{}: {}", path.string(), what));
}

std::string text_of_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) fail(path, fmt::format("cannot be read: {}", std::strerror(errno)));
  return {std::istreambuf_iterator<char>(file), {}};
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

Timings Timings::load(const std::filesystem::path& path) {
  if (!std::filesystem::exists(path)) return {};
  const Json document = Json::parse(text_of_file(path), nullptr, false);
  const auto wrong = [&] {
    fail(path, "is not a plan as --plan writes it; delete it, and it is measured anew");
  };
  if (!document.is_object() || document.value("kind", Json()) != kKind ||
      document.value("version", Json()) != kVersion || !document.contains("milliseconds") ||
      !document["milliseconds"].is_object()) {
    wrong();
  }
  Timings timings;
  if (document.value("machine", Json()) != machine()) return timings;
  for (const auto& [problem, ways] : document["milliseconds"].items()) {
    if (!ways.is_object()) wrong();
    for (const auto& [way, time] : ways.items()) {
      if (!time.is_number() || !(time.get<double>() >= 0)) wrong();
      timings.set(problem, way, time.get<double>());
    }
  }
  return timings;
}

void Timings::save(const std::filesystem::path& path) const {
  Json document = {{"kind", kKind}, {"version", kVersion}, {"machine", machine()}};
  Json& problems = document["milliseconds"] = Json::object();
  for (const auto& [problem, ways] : problems_) problems[problem] = ways;
  std::filesystem::path beside = path;
  beside += ".new";
  {
    std::ofstream file(beside, std::ios::binary);
    file << document.dump(1) << '\n';
    file.close();
    if (!file) {
      const int reason = errno;
      std::error_code ignored;
      std::filesystem::remove(beside, ignored);
      fail(path, fmt::format("cannot be written: {}", std::strerror(reason)));
    }
  }
  std::error_code error;
  std::filesystem::rename(beside, path, error);
  if (error) fail(path, fmt::format("cannot be written: {}", error.message()));
}

}  // namespace equipoise
