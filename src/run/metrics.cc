#include "run/metrics.h"

#include <limits>
#include <string_view>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "equipoise/error.h"
#include "run/files.h"

namespace equipoise {
namespace {

using Json = nlohmann::ordered_json;

/// JSON has no numbers that are not finite: they are null.
double number(const Json& line, const char* key) {
  const Json& value = line.at(key);
  return value.is_null() ? std::numeric_limits<double>::quiet_NaN() : value.get<double>();
}

std::int64_t integer(const Json& line, const char* key) {
  const Json& value = line.at(key);
  // A fraction might not fit.
  if (!value.is_number_integer()) throw Error(fmt::format("'{}' is no integer", key));
  return value.get<std::int64_t>();
}

constexpr const char* kRefusal = "refusal";
constexpr const char* kFirstNonFinite = "first_non_finite";

Metric parse_line(std::string_view text) {
  const Json line = Json::parse(text.begin(), text.end());
  return {.step = integer(line, "step"),
          .epoch = number(line, "epoch"),
          .split = line.at("split").get<std::string>(),
          .loss = number(line, "loss"),
          .accuracy = number(line, "accuracy"),
          .rate = number(line, "lr"),
          .time = number(line, "time"),
          .refusal = line.value(kRefusal, ""),
          .first_non_finite = line.value(kFirstNonFinite, "")};
}

}  // namespace

std::string run::to_line(const Metric& metric) {
  Json line = {{"step", metric.step}, {"epoch", metric.epoch},       {"split", metric.split},
               {"loss", metric.loss}, {"accuracy", metric.accuracy}, {"lr", metric.rate},
               {"time", metric.time}};
  if (!metric.refusal.empty()) {
    line[kRefusal] = metric.refusal;
    line[kFirstNonFinite] = metric.first_non_finite;
  }
  return line.dump() + "\n";
}

std::vector<Metric> read_metrics(const std::filesystem::path& path) {
  const std::vector<std::byte> bytes = run::read_file(path);
  std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  std::vector<Metric> metrics;
  for (std::size_t end = 0; (end = text.find('\n')) != std::string_view::npos;) {
    try {
      metrics.push_back(parse_line(text.substr(0, end)));
    } catch (const std::exception&) {
      throw Error(fmt::format("'{}', line {}: it is no metric; remove the line to go on",
                              path.string(), metrics.size() + 1));
    }
    text.remove_prefix(end + 1);
  }
  return metrics;
}

}  // namespace equipoise
