/// operations --list: what is checked of every operation, in every layout, and how fast it is.

#include <array>
#include <cmath>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "equipoise/error.h"
#include "equipoise/runtime.h"
#include "operations/operation_table.h"

namespace equipoise::testing {
namespace {

using Json = nlohmann::ordered_json;

enum ExitCode { kDone = 0, kIncomplete = 1, kUsage = 2 };

constexpr const char* kNone = "-";

std::string text_of(const Check& check, bool exists = true) {
  if (check.count == 0) return exists ? "missing" : kNone;
  return fmt::format("{:.1e}{}", check.error, check.within_tolerance ? "" : " fails");
}

/// "3.21 ms   12.0 GB/s", or GFLOP/s where arithmetic is what takes the time: memory brings an
/// element of 4 bytes in the time of some tens of operations.
std::string text_of(const std::optional<Time>& time) {
  if (!time) return kNone;
  const bool computes = time->flops > 16 * time->bytes;
  return fmt::format("{:8.2f} ms {:6.1f} {:<7}", 1e3 * time->seconds,
                     1e-9 * (computes ? time->flops : time->bytes) / time->seconds,
                     computes ? "GFLOP/s" : "GB/s");
}

void print_line(const std::array<std::string, 9>& cells, bool timed) {
  std::string line = fmt::format("{:<20} {:<14} {:>5}  {:<8} {:<8} {:<11}", cells[0], cells[1],
                                 cells[2], cells[3], cells[4], cells[5]);
  if (timed) line += fmt::format(" {:>26} {:>26}", cells[6], cells[7]);
  fmt::print("{}  {}\n", line, cells[8]);
}

std::string layout_name(Layout layout) {
  return layout == Layout::kChannelsFirst ? "row-major" : to_string(layout);
}

void print_text(const OperationTable& table) {
  print_line({"operation", "layout", "cases", "forward", "gradient", "differences", "forward time",
              "gradient time", "implementation"},
             table.timed);
  for (const OperationRow& row : table.rows) {
    print_line(
        {row.operation, layout_name(row.layout), std::to_string(row.cases), text_of(row.forward),
         text_of(row.gradient, row.differentiable), text_of(row.differences, row.differentiable),
         row.time ? text_of(row.time->forward) : "missing",
         row.time ? text_of(row.time->gradient) : "missing",
         fmt::format("{}", fmt::join(row.implementations, ", "))},
        table.timed);
  }
  for (const std::string& operation : table.without_cases) {
    fmt::print("{:<20} missing: there are no cases\n", operation);
  }
}

/// Of a check that there is none of: null; an error that is not finite is a string.
Json json_of(const Check& check) {
  if (check.count == 0) return nullptr;
  return {{"checked", check.count},
          {"error", std::isfinite(check.error) ? Json(check.error) : Json("inf")},
          {"within_tolerance", check.within_tolerance}};
}

Json json_of(const std::optional<Time>& time) {
  if (!time) return nullptr;
  return {{"seconds", time->seconds}, {"bytes", time->bytes}, {"flops", time->flops}};
}

void print_json(const OperationTable& table) {
  Json rows = Json::array();
  for (const OperationRow& row : table.rows) {
    Json entry = {{"operation", row.operation},
                  {"layout", layout_name(row.layout)},
                  {"cases", row.cases},
                  {"forward", json_of(row.forward)},
                  {"gradient", json_of(row.gradient)},
                  {"differences", json_of(row.differences)},
                  {"differentiable", row.differentiable},
                  {"implementations", row.implementations},
                  {"missing", missing_checks(row, table.timed)}};
    if (row.time) {
      entry["forward_time"] = json_of(row.time->forward);
      entry["gradient_time"] = json_of(row.time->gradient);
    }
    rows.push_back(std::move(entry));
  }
  const Json document = {{"version", 1},
                         {"simd", simd_target()},
                         {"threads", num_threads()},
                         {"complete", table.complete()},
                         {"rows", rows},
                         {"without_cases", table.without_cases}};
  fmt::print("{}\n", document.dump(2));
}

int run(int argc, char** argv) {
  CLI::App program("What is checked of every operation, in every layout, and how fast it is.",
                   "operations");
  TableOptions options;
  bool list = false;
  bool json = false;
  bool no_time = false;
  program.add_flag("--list", list, "Run all checks and print one row per operation and layout")
      ->required();
  program.add_option("FILTER", options.filter, "Operations, as a pattern of * and ?: '*_norm'");
  program.add_flag("--json", json, "Print a JSON document");
  program.add_flag("--no-time", no_time, "Leave times out");
  program.footer(
      "forward, gradient: the engine's largest error against f64, relative to the largest value.\n"
      "differences: that of the gradient rule in f64 against central differences.\n"
      "Exit codes: 0 all is checked and holds, 1 a check is missing or fails, 2 usage.");
  try {
    program.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return program.exit(error) == 0 ? kDone : kUsage;
  }
  options.time = !no_time;
  const OperationTable table = make_operation_table(options);
  if (table.rows.empty()) {
    fmt::print(stderr, "operations: no operation is called '{}'\n", options.filter);
    return kUsage;
  }
  (json ? print_json : print_text)(table);
  return table.complete() ? kDone : kIncomplete;
}

}  // namespace
}  // namespace equipoise::testing

int main(int argc, char** argv) {
  try {
    return equipoise::testing::run(argc, argv);
  } catch (const std::exception& error) {
    fmt::print(stderr, "operations: {}\n", error.what());
    return equipoise::testing::kIncomplete;
  }
}
