#include "engine/explain.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "graph/operation.h"

namespace equipoise::engine {
namespace {

std::string in_units(std::size_t bytes) {
  if (bytes >= 1U << 20U) return fmt::format("{:.1f} MiB", static_cast<double>(bytes) / 1048576.0);
  if (bytes >= 1U << 10U) return fmt::format("{:.1f} KiB", static_cast<double>(bytes) / 1024.0);
  return fmt::format("{} B", bytes);
}

std::string format_of(const Plan& plan, TensorId id) {
  const PlannedTensor& tensor = plan.tensors[static_cast<std::size_t>(id.index)];
  return to_string(tensor.format, tensor.shape);
}

std::size_t bytes_written(const Plan& plan, const Node& node) {
  std::size_t bytes = 0;
  for (const TensorId id : node.outputs) {
    if (id) bytes += plan.tensors[static_cast<std::size_t>(id.index)].bytes;
  }
  return bytes;
}

}  // namespace

std::string formats_of(const Plan& plan, const Node& node) {
  const auto present = [](TensorId id) { return static_cast<bool>(id); };
  const auto input = std::ranges::find_if(node.inputs, present);
  const auto output = std::ranges::find_if(node.outputs, present);
  const std::string from = input == node.inputs.end() ? "" : format_of(plan, *input);
  const std::string to = output == node.outputs.end() ? "" : format_of(plan, *output);
  return from == to || from.empty() ? to : fmt::format("{} → {}", from, to);
}

std::string explain(const Plan& plan) {
  std::string text = fmt::format(
      "plan of {}: {}, batch {}, {} threads, {} of intermediate results\n", plan.graph.name(),
      to_string(plan.mode), plan.batch, plan.threads, in_units(plan.arena_bytes));
  for (const PassReport& pass : plan.passes) {
    text += fmt::format("  pass {:<20} {:>8.2f} ms {:>5} nodes{}\n", pass.name, pass.milliseconds,
                        pass.nodes, pass.skipped ? "  skipped" : "");
  }
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Node& node = plan.graph.nodes()[s];
    const Step& step = plan.steps[s];
    text += fmt::format(
        "  {:<40} {:<28} {:<36} {:<24} {:>10}\n", node.name, node.operation->type(),
        step.detail.empty() ? step.implementation
                            : fmt::format("{} {}", step.implementation, step.detail),
        formats_of(plan, node), step.alias ? "no copy" : in_units(bytes_written(plan, node)));
    if (!node.made_of.empty()) {
      text += fmt::format("      made of {}\n", fmt::join(node.made_of, " + "));
    }
    for (const std::string& why : step.declined) text += fmt::format("      declined: {}\n", why);
    if (static_cast<int>(s) == plan.gate_step) {
      text += "  gate: what follows runs if loss, gradients and statistics are finite\n";
    }
  }
  return text;
}

}  // namespace equipoise::engine
