#include "inspect_text.h"

#include <algorithm>
#include <set>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "numbers.h"
#include "table.h"

namespace equipoise::program {
namespace {

using enum Table::Align;

/// "stride 2", "padding [1, 0, 1, 0]"; the name alone of a switch that is on, and the value alone
/// of the function that is computed.
std::string text_of(const Attribute& attribute) {
  struct Visitor {
    std::string_view name;
    std::string operator()(bool on) const { return fmt::format("{}{}", on ? "" : "no ", name); }
    std::string operator()(const std::vector<std::int64_t>& list) const {
      const bool same = std::ranges::adjacent_find(list, std::not_equal_to<>()) == list.end();
      if (same && !list.empty()) return fmt::format("{} {}", name, list[0]);
      return fmt::format("{} [{}]", name, fmt::join(list, ", "));
    }
    std::string operator()(double value) const { return fmt::format("{} {:.4g}", name, value); }
    std::string operator()(std::int64_t value) const { return fmt::format("{} {}", name, value); }
    std::string operator()(const std::string& value) const {
      return name == "function" ? value : fmt::format("{} {}", name, value);
    }
  };
  return std::visit(Visitor{attribute.name}, attribute.value);
}

std::string options_of(const LayerSummary& layer) {
  std::vector<std::string> parts;
  parts.reserve(layer.attributes.size());
  for (const Attribute& attribute : layer.attributes) parts.push_back(text_of(attribute));
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string count_or_nothing(std::int64_t count) { return count == 0 ? "" : with_commas(count); }

std::string tensors_text(const std::vector<TensorSummary>& tensors) {
  std::vector<std::string> parts;
  parts.reserve(tensors.size());
  for (const TensorSummary& tensor : tensors) {
    parts.push_back(fmt::format("{} {}{}", tensor.name,
                                tensor.dtype == DType::kF32 ? "" : to_string(tensor.dtype),
                                to_string(tensor.shape)));
  }
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string layers_text(const InspectedModel& model, const Style& style) {
  const GraphSummary& summary = model.summary;
  const FlopUnit unit = unit_for(summary.flops);
  // Normalizations have a table of their own for their options.
  std::set<std::string_view> norms;
  for (const NormSummary& norm : model.norms) norms.insert(norm.name);

  Table table({{.title = "layer"},
               {.title = "operation"},
               {.title = "options", .elastic = true},
               {.title = "output"},
               {.title = "parameters", .align = kRight},
               {.title = "frozen", .align = kRight},
               {.title = unit.name, .align = kRight}});
  for (const LayerSummary& layer : summary.layers) {
    table.add({layer.name, layer.operation, norms.contains(layer.name) ? "" : options_of(layer),
               to_string(layer.output), count_or_nothing(layer.trained + layer.frozen),
               count_or_nothing(layer.frozen), unit.format(layer.flops)});
  }
  table.add_total({"total", "", "", "", with_commas(summary.trained + summary.frozen),
                   count_or_nothing(summary.frozen), unit.format(summary.flops)});
  return table.text(style);
}

std::string totals_text(const GraphSummary& summary, Mode mode) {
  return fmt::format(
      "parameters  {} trained, {} frozen; {}\n"
      "buffers     {} values\n"
      "arithmetic  {} per sample{}, multiplications and additions counted as one each\n",
      with_commas(summary.trained), with_commas(summary.frozen), in_bytes(summary.parameter_bytes),
      with_commas(summary.buffers), in_flops(summary.flops / static_cast<double>(summary.batch)),
      mode == Mode::kTraining ? " in the forward alone" : "");
}

std::string average_text(const NormSummary& norm) {
  if (norm.kind != NormKind::kBatch || norm.running_mean.empty()) return "";
  if (!norm.update_running) return "not updated";
  const char* const variance = to_string(norm.rule.variance);
  switch (norm.rule.averaging) {
    case Averaging::kMomentum:
      return fmt::format("momentum {:g}, {}", norm.rule.momentum, variance);
    case Averaging::kCumulative:
      return fmt::format("cumulative, {}", variance);
    case Averaging::kWindowed:
      return fmt::format("window {}, {}", norm.rule.window, variance);
  }
  return "";
}

std::string statistics_text(const NormSummary& norm) {
  if (!norm.training_statistics || !norm.inference_statistics) return "own";
  return fmt::format("{} → {}", to_string(*norm.training_statistics),
                     to_string(*norm.inference_statistics));
}

/// What few normalizations have.
std::string extras_text(const NormSummary& norm) {
  std::vector<std::string> parts;
  if (norm.weighted) parts.emplace_back("masked");
  if (norm.activation != Activation::kNone) parts.emplace_back(to_string(norm.activation));
  if (norm.pseudo_count > 0) parts.push_back(fmt::format("pseudo-count {:g}", norm.pseudo_count));
  if (norm.ghost_batch_size > 0) {
    parts.push_back(fmt::format("ghost batch {}", norm.ghost_batch_size));
  }
  if (norm.renorm) {
    parts.push_back(
        fmt::format("renorm r ≤ {:g}, d ≤ {:g}", norm.renorm->r_max, norm.renorm->d_max));
  }
  if (norm.synchronized) parts.emplace_back("synchronized");
  return fmt::format("{}", fmt::join(parts, ", "));
}

std::string range_text(const State& state, const std::string& name, std::string_view absent) {
  const std::optional<Range> range = range_of(state, name);
  if (!range) return std::string(absent);
  if (range->least == range->most) return fmt::format("{:.4g}", range->least);
  return fmt::format("{:.3g} … {:.3g}", range->least, range->most);
}

std::string norms_text(const InspectedModel& model, const Style& style) {
  if (model.norms.empty()) return "no normalizations\n";
  Table table({{.title = "normalization"},
               {.title = "kind"},
               {.title = "channels", .align = kRight},
               {.title = "groups", .align = kRight},
               {.title = "over"},
               {.title = "ε"},
               {.title = "average"},
               {.title = "statistics"},
               {.title = "γ"},
               {.title = "β"},
               {.title = "mean"},
               {.title = "var"},
               {.title = "besides", .elastic = true}});
  for (const NormSummary& norm : model.norms) {
    std::string_view kind = to_string(norm.kind);
    kind.remove_suffix(std::string_view("_norm").size());
    const bool running = !norm.running_mean.empty();
    table.add({norm.name, std::string(kind), with_commas(norm.channels),
               norm.kind == NormKind::kGroup ? with_commas(norm.groups) : "", to_string(norm.over),
               fmt::format("{:g}", norm.epsilon), average_text(norm), statistics_text(norm),
               range_text(*model.norm_state, norm.weight, "–"),
               range_text(*model.norm_state, norm.bias, "–"),
               running ? range_text(*model.norm_state, norm.running_mean, "") : "",
               running ? range_text(*model.norm_state, norm.running_var, "") : "",
               extras_text(norm)});
  }
  return table.text(style);
}

/// Says in words what the columns of the second table are.
std::string norms_legend(const InspectedModel& model) {
  if (model.norms.empty()) return "";
  const bool running = std::ranges::any_of(
      model.norms, [](const NormSummary& norm) { return !norm.running_mean.empty(); });
  return fmt::format(
      "\nover: the values that share a mean and a variance, of N samples\n{}"
      "statistics: {}\n"
      "γ, β{}: smallest … largest value; – where there is none\n",
      running
          ? "average: how running statistics take in a batch, and its variance: of n values, the\n"
            "  sum of squares over n (biased) or n − 1 (unbiased)\n"
          : "",
      running ? "what normalizes in training → in inference" : "own: of the sample itself",
      running ? ", running mean and var" : "");
}

}  // namespace

std::string inspect_text(const InspectedModel& model, const Style& style) {
  const GraphSummary& summary = model.summary;
  return fmt::format("{}: {} → {}\n\n{}\n{}\n{}{}", style.strong(summary.name),
                     tensors_text(summary.inputs), tensors_text(summary.outputs),
                     layers_text(model, style), totals_text(summary, model.mode),
                     norms_text(model, style), style.faint(norms_legend(model)));
}

}  // namespace equipoise::program
