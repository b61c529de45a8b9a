#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/plan_report.h"

namespace equipoise {
namespace {

std::string in_units(std::size_t bytes) {
  if (bytes >= 1U << 20U) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1048576.0);
  if (bytes >= 1U << 10U) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024.0);
  return fmt::format("{} B", bytes);
}

/// "blocked16 → row-major", the formats of the first input and output.
std::string formats_of(const StepReport& step) {
  const std::string from = step.inputs.empty() ? "" : step.inputs[0].format;
  const std::string to = step.outputs.empty() ? "" : step.outputs[0].format;
  return from == to || from.empty() ? to : fmt::format("{} → {}", from, to);
}

std::string memory_of(const StepReport& step) {
  if (step.alias) return "no copy";
  std::size_t bytes = 0;
  for (const PlannedTensorReport& output : step.outputs) bytes += output.bytes;
  return in_units(bytes);
}

std::string implementation_of(const StepReport& step) {
  return step.detail.empty() ? step.implementation
                             : fmt::format("{} {}", step.implementation, step.detail);
}

/// Of the longest text in a column, so that columns line up; a few long names are not worth it.
template <class TextOf>
std::size_t width(const PlanReport& report, std::size_t most, const TextOf& text_of) {
  std::size_t width = 0;
  for (const StepReport& step : report.steps) {
    width = std::max(width, std::min(most, std::string_view(text_of(step)).size()));
  }
  return width;
}

}  // namespace

std::string to_string(const PlanReport& report) {
  std::string text = fmt::format(
      "plan of {}: {}, batch {}, {} threads, {} of intermediate results\n", report.graph,
      to_string(report.mode), report.batch, report.threads, in_units(report.arena_bytes));
  for (const PassReport& pass : report.passes) {
    text += fmt::format("  pass {:<20} {:>9.2f} ms {:>5} nodes{}\n", pass.name, pass.milliseconds,
                        pass.nodes, pass.skipped ? "  skipped" : "");
  }
  const auto name = [](const StepReport& step) { return step.name; };
  const auto operation = [](const StepReport& step) { return step.operation; };
  const std::size_t names = width(report, 40, name);
  const std::size_t operations = width(report, 28, operation);
  const std::size_t implementations = width(report, 36, implementation_of);
  const std::size_t formats = width(report, 40, formats_of);
  for (std::size_t s = 0; s < report.steps.size(); ++s) {
    const StepReport& step = report.steps[s];
    if (s > 0 && s == report.prepared_steps) {
      text += "  above: whenever parameters or statistics have changed; below: in every run\n";
    }
    text += fmt::format("  {:<{}}  {:<{}}  {:<{}}  {:<{}}  {:>10}\n", step.name, names,
                        step.operation, operations, implementation_of(step), implementations,
                        formats_of(step), formats, memory_of(step));
    if (!step.made_of.empty()) {
      text += fmt::format("      made of {}\n", fmt::join(step.made_of, " + "));
    }
    for (const DeclinedImplementation& declined : step.declined) {
      text += fmt::format("      declined: {}: {}\n", declined.implementation, declined.reason);
    }
    if (static_cast<int>(s) == report.gate_step) {
      text += "  gate: what follows runs if loss, gradients and statistics are finite\n";
    }
  }
  return text;
}

}  // namespace equipoise
