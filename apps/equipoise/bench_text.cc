#include <algorithm>
#include <map>
#include <numeric>

#include <fmt/format.h>

#include "bench_result.h"
#include "numbers.h"
#include "table.h"

namespace equipoise::program {
namespace {

using enum Table::Align;

/// Time, arithmetic and memory traffic of some steps together.
struct Cost {
  int steps = 0;
  double milliseconds = 0;
  double flops = 0;
  double bytes = 0;

  void add(const StepReport& step, double time) {
    ++steps;
    milliseconds += time;
    flops += step.flops;
    if (step.alias) return;
    for (const auto* tensors : {&step.inputs, &step.outputs}) {
      for (const PlannedTensorReport& tensor : *tensors) {
        bytes += static_cast<double>(tensor.bytes);
      }
    }
  }

  /// Milliseconds, share, and rates.
  std::vector<std::string> cells(double total) const {
    const auto rate = [&](double amount) {
      return amount == 0 || milliseconds == 0 ? std::string()
                                              : fmt::format("{:.1f}", amount / milliseconds / 1e6);
    };
    return {fmt::format("{:.2f}", milliseconds),
            fmt::format("{:.1f} %", total == 0 ? 0 : 100 * milliseconds / total),
            in_bytes(static_cast<std::size_t>(bytes)), rate(flops), rate(bytes)};
  }
};

std::vector<Table::Column> with_cost(std::vector<Table::Column> columns) {
  for (const char* title : {"ms", "share", "bytes", "GFLOP/s", "GB/s"}) {
    columns.push_back({.title = title, .align = kRight});
  }
  return columns;
}

std::vector<std::string> joined(std::vector<std::string> left,
                                const std::vector<std::string>& right) {
  left.insert(left.end(), right.begin(), right.end());
  return left;
}

std::string implementation_of(const StepReport& step) {
  return step.detail.empty() ? step.implementation
                             : fmt::format("{} {}", step.implementation, step.detail);
}

std::string by_operation(const BenchProfile& profile, double total, const Style& style) {
  std::map<std::pair<std::string, std::string>, Cost> costs;
  Cost all;
  for (std::size_t s = 0; s < profile.plan.steps.size(); ++s) {
    const StepReport& step = profile.plan.steps[s];
    costs[{step.operation, implementation_of(step)}].add(step, profile.step_ms[s]);
    all.add(step, profile.step_ms[s]);
  }
  std::vector<std::pair<std::pair<std::string, std::string>, Cost>> sorted(costs.begin(),
                                                                           costs.end());
  std::ranges::stable_sort(sorted, std::greater{},
                           [](const auto& entry) { return entry.second.milliseconds; });
  Table table(with_cost({{.title = "operation"},
                         {.title = "implementation", .elastic = true},
                         {.title = "steps", .align = kRight}}));
  for (const auto& [what, cost] : sorted) {
    table.add(joined({what.first, what.second, fmt::format("{}", cost.steps)}, cost.cells(total)));
  }
  table.add_total(joined({"all", "", fmt::format("{}", all.steps)}, all.cells(total)));
  return table.text(style);
}

std::string by_step(const BenchProfile& profile, double total, const Style& style) {
  std::vector<std::size_t> order(profile.plan.steps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::ranges::stable_sort(order, std::greater{},
                           [&](std::size_t s) { return profile.step_ms[s]; });
  constexpr std::size_t kShown = 30;
  Table table(with_cost({{.title = "slowest steps"},
                         {.title = "implementation", .elastic = true},
                         {.title = "output"}}));
  for (std::size_t i = 0; i < std::min(kShown, order.size()); ++i) {
    const StepReport& step = profile.plan.steps[order[i]];
    Cost cost;
    cost.add(step, profile.step_ms[order[i]]);
    table.add(joined({step.name, implementation_of(step),
                      step.outputs.empty() ? std::string() : to_string(step.outputs[0].shape)},
                     cost.cells(total)));
  }
  std::string text = table.text(style);
  if (order.size() > kShown) {
    text += fmt::format("and {} more, all of which --json has\n", order.size() - kShown);
  }
  return text;
}

}  // namespace

double BenchResult::median_ms() const {
  std::vector<double> sorted = run_ms;
  std::ranges::sort(sorted);
  const std::size_t middle = sorted.size() / 2;
  return sorted.size() % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

double BenchResult::minimum_ms() const { return std::ranges::min(run_ms); }

double BenchResult::images_per_second() const {
  return 1000 * static_cast<double>(batch) / median_ms();
}

std::string bench_text(const BenchResult& result) {
  return fmt::format(
      "{}, {} of {}, {} threads{}\n"
      "  time     {:.2f} ms median, {:.2f} ms minimum of {} runs; {:.1f} samples per second\n"
      "  memory   {} resident at most, {} of it intermediate results\n"
      "  compile  {:.0f} ms\n",
      result.model, to_string(result.mode), to_string(result.image), result.threads,
      result.memory == MemoryMode::kLean ? ", lean memory" : "", result.median_ms(),
      result.minimum_ms(), result.run_ms.size(), result.images_per_second(),
      in_bytes(result.peak_resident_bytes), in_bytes(result.arena_bytes), result.compile_ms);
}

std::string profile_text(const BenchProfile& profile, const Style& style) {
  const double total = std::accumulate(profile.step_ms.begin(), profile.step_ms.end(), 0.0);
  return fmt::format("\nthis machine: {:.1f} GB/s of a streaming copy, {:.0f} GFLOP/s\n\n{}\n{}",
                     profile.limits.bytes_per_second / 1e9, profile.limits.flops_per_second / 1e9,
                     by_operation(profile, total, style), by_step(profile, total, style));
}

std::string floor_text(const BenchFloor& floor, const Style& style) {
  struct Sum {
    int count = 0;
    double milliseconds = 0;
    double flops = 0;
  };
  std::map<std::pair<std::string, std::string>, Sum> sums;
  Sum all;
  for (const FloorRow& row : floor.rows) {
    const std::string how = fmt::format("{} {} {}", row.implementation, row.detail, row.format);
    for (Sum* sum : {&sums[{row.operation, how}], &all}) {
      ++sum->count;
      sum->milliseconds += row.milliseconds;
      sum->flops += row.flops;
    }
  }
  Table table({{.title = "operation"},
               {.title = "fastest", .elastic = true},
               {.title = "count", .align = kRight},
               {.title = "ms", .align = kRight},
               {.title = "GFLOP/s", .align = kRight}});
  const auto cells = [](const Sum& sum) {
    return std::vector<std::string>{fmt::format("{}", sum.count),
                                    fmt::format("{:.2f}", sum.milliseconds),
                                    fmt::format("{:.1f}", sum.flops / sum.milliseconds / 1e6)};
  };
  for (const auto& [what, sum] : sums) table.add(joined({what.first, what.second}, cells(sum)));
  table.add_total(joined({"floor", ""}, cells(all)));
  return fmt::format("{}, {}, batch {}, {} threads: convolutions and products alone\n\n{}",
                     floor.model, to_string(floor.mode), floor.batch, floor.threads,
                     table.text(style));
}

}  // namespace equipoise::program
