// Prints how exact batch normalization is where it is hard: a standard deviation of 0.1 at means of
// 100 to 10000, and extremes. Beside it, the variance by a one-pass E[x²] − E[x]² in f32, and the
// truth: f64 on the same f32 inputs.
//
//   stress_table [--json]
//
// Exit code 1 if a bound is broken.

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <string>
#include <vector>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "equipoise/runtime.h"
#include "stress/stress_cases.h"

namespace equipoise::bench {
namespace {

std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.4g}", value) : fmt::format("{}", value);
}

// fmt counts bytes where it should count characters of "±" and "−".
std::string padded(const std::string& text, std::size_t width) {
  const auto is_first_byte = [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U;
  };
  const auto characters = static_cast<std::size_t>(std::ranges::count_if(text, is_first_byte));
  return text + std::string(width > characters ? width - characters : 0, ' ');
}

void print(const std::vector<StressRow>& rows) {
  fmt::print("  {}{:>14}{:>14}{:>14}{:>12}{:>12}{:>12}  {}\n", padded("", 20), "naive f32", "ours",
             "true", "rel. error", "y error", "dx error", "NaN, Inf, bounds");
  for (const StressRow& r : rows) {
    fmt::print("  {}{:>14}{:>14}{:>14}{:>12.1e}{:>12.1e}{:>12.1e}  {}\n", padded(r.name, 20),
               number(r.naive_variance), number(r.variance), number(r.true_variance),
               r.variance_error, r.y_error, r.dx_error,
               r.within_bounds         ? "ok"
               : r.finite_as_reference ? "OUT OF BOUNDS"
                                       : "NOT WHERE THE REFERENCE HAS THEM");
  }
}

nlohmann::json to_json(const std::vector<StressRow>& rows) {
  nlohmann::json result = nlohmann::json::array();
  for (const StressRow& r : rows) {
    result.push_back({{"case", r.name},
                      {"naive_variance", r.naive_variance},
                      {"variance", r.variance},
                      {"true_variance", r.true_variance},
                      {"variance_error", r.variance_error},
                      {"y_error", r.y_error},
                      {"dx_error", r.dx_error},
                      {"finite_as_reference", r.finite_as_reference},
                      {"within_bounds", r.within_bounds}});
  }
  return result;
}

int run(bool json) {
  std::vector<StressRow> means;
  std::vector<StressRow> extremes;
  for (const StressCase& c : mean_cases()) means.push_back(measure(c));
  for (const StressCase& c : extreme_cases()) extremes.push_back(measure(c));
  const auto good = [](const StressRow& row) { return row.within_bounds; };
  const bool all_good = std::ranges::all_of(means, good) && std::ranges::all_of(extremes, good);

  if (json) {
    nlohmann::json rows = to_json(means);
    for (nlohmann::json& row : to_json(extremes)) rows.push_back(std::move(row));
    const nlohmann::json document = {{"version", 1},
                                     {"simd_target", simd_target()},
                                     {"rows", std::move(rows)},
                                     {"within_bounds", all_good}};
    fmt::print("{}\n", document.dump(1));
    return all_good ? 0 : 1;
  }
  const Bounds bounds;
  fmt::print(
      "Batch norm under stress ({}): variance of a channel, and the largest errors over 20 "
      "channels and\n"
      "all layouts against f64 on the same f32 inputs. Bounds: variance {:.0e} (relative), y "
      "{:.0e} of its\n"
      "range, dx {:.0e} of its maximum; NaN and Inf exactly where f64 has them.\n\n",
      simd_target(), bounds.variance, bounds.y, bounds.dx);
  fmt::print("Standard deviation 0.1\n");
  print(means);
  fmt::print("\nExtremes (bounds: variance {:.0e}, y {:.0e}, dx {:.0e})\n", kExtremeBounds.variance,
             kExtremeBounds.y, kExtremeBounds.dx);
  print(extremes);
  if (!all_good) fmt::print("\nA bound is broken.\n");
  return all_good ? 0 : 1;
}

}  // namespace
}  // namespace equipoise::bench

int main(int argc, char** argv) {
  const bool json = argc == 2 && std::strcmp(argv[1], "--json") == 0;
  if (argc > 1 && !json) {
    fmt::print(stderr, "usage: stress_table [--json]\n");
    return 2;
  }
  try {
    return equipoise::bench::run(json);
  } catch (const std::exception& e) {
    fmt::print(stderr, "stress_table: {}\n", e.what());
    return 1;
  }
}
