#include <algorithm>
#include <cmath>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "command.h"
#include "numbers.h"
#include "svg_chart.h"
#include "vary.h"

namespace equipoise::program {
namespace {

/// Colours that are told apart in all usual kinds of colour vision (Okabe & Ito 2008).
constexpr std::string_view kStyle = R"(<style>
:root { color-scheme: light dark; --ink: #1c1c1e; --faint: #6b6b70; --grid: #e3e3e6; --page: #ffffff;
  --c0: #0072b2; --c1: #d55e00; --c2: #009e73; --c3: #cc79a7; --c4: #b58900; --c5: #56b4e9; --c6: #7a7a7a; }
@media (prefers-color-scheme: dark) { :root { --ink: #ececee; --faint: #a0a0a8; --grid: #36363b; --page: #1b1b1e;
  --c0: #4aa8e0; --c1: #f08a3c; --c2: #35c79a; --c3: #e29cc2; --c4: #e0b84a; --c5: #8fd0f5; --c6: #b0b0b0; } }
body { margin: 0 auto; max-width: 60rem; padding: 2rem 1.25rem 4rem; background: var(--page); color: var(--ink);
  font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.5rem; line-height: 1.25; } h2 { font-size: 1.1rem; margin: 2.25rem 0 .25rem; }
p { margin: .25rem 0 .75rem; } .faint { color: var(--faint); }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-variant-numeric: tabular-nums; width: 100%; }
th { text-align: left; font-weight: 600; border-bottom: 1px solid var(--faint); vertical-align: bottom; }
th, td { padding: .35rem .9rem .35rem 0; } td { border-bottom: 1px solid var(--grid); }
.number { text-align: right; } .key { display: inline-block; width: .8em; height: .8em; border-radius: 50%; margin-right: .5em; }
.legend span { margin-right: 1.25em; white-space: nowrap; }
svg { width: 100%; height: auto; display: block; }
.grid { stroke: var(--grid); } .tick, .label { fill: var(--faint); font-size: 12px; } .end { text-anchor: end; }
.middle { text-anchor: middle; } .line { fill: none; stroke: currentColor; stroke-width: 2; stroke-linejoin: round; }
.dot { fill: currentColor; fill-opacity: 0; } .alone .dot { fill-opacity: 1; } .dot:hover { fill-opacity: 1; stroke: currentColor; stroke-width: 4; }
.s0 { color: var(--c0); } .s1 { color: var(--c1); } .s2 { color: var(--c2); } .s3 { color: var(--c3); }
.s4 { color: var(--c4); } .s5 { color: var(--c5); } .s6 { color: var(--c6); } .key { background: currentColor; }
details { margin-top: 2.5rem; } code { font-size: .9em; }
</style>
)";
constexpr int kColors = 7;

int color_of(std::size_t variant) { return static_cast<int>(variant) % kColors; }

std::string name_with_key(const VaryResult& result, std::size_t variant) {
  return fmt::format(R"(<span class="key s{}"></span>{})", color_of(variant),
                     html_text(result.variants[variant].variant.name));
}

/// "norm=batch ended 5.23 points above norm=none lr=0.05 (validation accuracy 88.90 % and 83.67 %)"
std::string headline(const VaryResult& result) {
  std::vector<const VariedVariant*> order;
  for (const VariedVariant& varied : result.variants) {
    if (std::isfinite(varied.accuracy)) order.push_back(&varied);
  }
  const char* const by_most = result.plan.seeds > 1 ? " by most of its seeds" : "";
  if (order.empty()) return fmt::format("No variant came to its end{}", by_most);
  std::ranges::stable_sort(order, std::less(), [](const auto* varied) {
    return std::pair(-varied->accuracy, varied->loss);
  });
  const VariedVariant& best = *order.front();
  if (order.size() == 1)
    return fmt::format("{} alone came to its end{}", best.variant.name, by_most);
  const VariedVariant& next = *order[1];
  const std::string of_next =
      split_of(next) == split_of(best) ? "" : fmt::format("{} accuracy ", split_of(next));
  if (split_of(best) == split_of(next) && percent(best.accuracy) == percent(next.accuracy)) {
    return fmt::format("{} and {} ended alike: {} accuracy {}, loss {:.4f} and {:.4f}",
                       best.variant.name, next.variant.name, split_of(best), percent(best.accuracy),
                       best.loss, next.loss);
  }
  return fmt::format("{} ended {:.2f} points above {}: {} accuracy {} and {}{}", best.variant.name,
                     100 * (best.accuracy - next.accuracy), next.variant.name, split_of(best),
                     percent(best.accuracy), of_next, percent(next.accuracy));
}

std::string outcome(const VariedVariant& varied) {
  std::vector<std::string> failures;
  for (const VariedRun& run : varied.runs) {
    if (run.failure.empty()) continue;
    failures.push_back(
        fmt::format("seed {} ended at step {}: {}", run.seed, run.result.step, run.failure));
  }
  if (failures.empty()) return {};
  return fmt::format(R"(<br><span class="faint">{}</span>)",
                     html_text(fmt::format("{}", fmt::join(failures, "; "))));
}

std::string table(const VaryResult& result) {
  const bool several = result.plan.seeds > 1;
  const std::vector<std::string> splits = splits_of(result);
  std::string text = fmt::format(
      "<div class=\"wide\"><table>\n<tr><th>variant<th class=\"number\">accuracy in {}{}<th "
      "class=\"number\">loss<th class=\"number\">steps to the best other<th class=\"number\">σ of "
      "layer outputs</tr>\n",
      fmt::join(splits, " or "), several ? "<br>(median; all seeds)" : "");
  for (std::size_t i = 0; i < result.variants.size(); ++i) {
    const VariedVariant& varied = result.variants[i];
    const std::string split =
        splits.size() > 1 ? fmt::format("<br><span class=\"faint\">in {}</span>", split_of(varied))
                          : "";
    std::string range;
    if (several && varied.runs_finished > 0) {
      range = fmt::format("<br><span class=\"faint\">{} – {}</span>",
                          percent(varied.least_accuracy), percent(varied.greatest_accuracy));
    }
    if (const std::string counted = finished_text(varied); several && !counted.empty()) {
      range += fmt::format("<br><span class=\"faint\">{}</span>", counted);
    }
    std::string steps = "–";
    if (std::isfinite(varied.others_accuracy)) {
      steps =
          fmt::format("{}<br><span class=\"faint\">to {}</span>",
                      varied.steps_to_others ? with_commas(*varied.steps_to_others) : "never came",
                      percent(varied.others_accuracy));
    }
    const std::string spread =
        std::isfinite(varied.least_std)
            ? fmt::format("{:.3g} – {:.3g}", varied.least_std, varied.greatest_std)
            : "not finite";
    text += fmt::format(
        "<tr><td>{}{}<td class=\"number\">{}{}{}<td class=\"number\">{}<td class=\"number\">{}<td "
        "class=\"number\">{}</tr>\n",
        name_with_key(result, i), outcome(varied), percent(varied.accuracy), split, range,
        std::isfinite(varied.loss) ? fmt::format("{:.4f}", varied.loss) : "–", steps, spread);
  }
  return text + "</table></div>\n";
}

std::string legend(const VaryResult& result) {
  std::string text = "<p class=\"legend\">";
  for (std::size_t i = 0; i < result.variants.size(); ++i) {
    text += fmt::format("<span>{}</span>", name_with_key(result, i));
  }
  return text + "</p>\n";
}

std::string section(const VaryResult& result, const std::string& title, const std::string& text,
                    const Chart& chart) {
  return fmt::format("<h2>{}</h2>\n<p class=\"faint\">{}</p>\n{}{}", html_text(title),
                     html_text(text), legend(result), to_svg(chart));
}

template <class PointsOf>
std::vector<ChartSeries> series(const VaryResult& result, PointsOf points_of) {
  std::vector<ChartSeries> all;
  for (std::size_t i = 0; i < result.variants.size(); ++i) {
    for (const VariedRun& run : result.variants[i].runs) {
      all.push_back({.number = color_of(i), .points = points_of(result.variants[i], run)});
    }
  }
  return all;
}

template <class SplitOfRun, class ValueOf>
std::vector<ChartSeries> curves(const VaryResult& result, SplitOfRun split_of_run,
                                ValueOf value_of) {
  return series(result, [&](const VariedVariant& varied, const VariedRun& run) {
    std::vector<ChartPoint> points;
    for (const Metric& metric : run.result.metrics) {
      if (metric.split != split_of_run(run)) continue;
      points.push_back(
          {.x = static_cast<double>(metric.step),
           .y = value_of(metric),
           .text = fmt::format("{}, seed {}, step {}: accuracy {}, loss {:.4f}, rate {:.3g}",
                               varied.variant.name, run.seed, metric.step, percent(metric.accuracy),
                               metric.loss, metric.rate)});
    }
    return points;
  });
}

std::vector<ChartSeries> spreads(const VaryResult& result) {
  return series(result, [&](const VariedVariant& varied, const VariedRun& run) {
    std::vector<ChartPoint> points;
    for (std::size_t i = 0; i < run.layers.size(); ++i) {
      const LayerOutput& layer = run.layers[i];
      points.push_back({.x = static_cast<double>(i + 1),
                        .y = layer.std,
                        .text = fmt::format("{}, seed {}, {}: {:.4g}", varied.variant.name,
                                            run.seed, layer.name, layer.std)});
    }
    return points;
  });
}

std::string common_settings(const VaryResult& result) {
  std::string rows;
  for (const Setting& setting : result.plan.settings) {
    rows += fmt::format("<tr><td><code>{}</code><td><code>{}</code></tr>\n", html_text(setting.key),
                        html_text(fmt::format("{}", fmt::join(setting.values, ", "))));
  }
  return fmt::format(
      "<details><summary>What all have in common</summary>\n<div "
      "class=\"wide\"><table>\n{}</table></div></details>\n",
      rows);
}

}  // namespace

std::string vary_page(const VaryResult& result) {
  const auto accuracy = [](const Metric& metric) { return metric.accuracy; };
  const auto loss = [](const Metric& metric) { return metric.loss; };
  const auto deciding = [](const VariedRun& run) -> std::string_view { return run.split; };
  const auto training = [](const VariedRun&) -> std::string_view { return "training"; };
  const std::string title = headline(result);
  std::string page = fmt::format(
      "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
      "content=\"width=device-width\">\n<title>{0}</title>\n{1}<h1>{0}</h1>\n<p "
      "class=\"faint\">One "
      "assumption varies: <code>{2}</code>. Steps to the best other: until the accuracy at which "
      "the "
      "best of the other variants ended.</p>\n",
      html_text(title), kStyle, html_text(result.plan.text));
  page += table(result);
  page += section(result, fmt::format("Accuracy in {}", fmt::join(splits_of(result), " or ")),
                  "Over steps. Point at a line for its figures.",
                  {.description = "accuracy over steps",
                   .x_label = "step",
                   .series = curves(result, deciding, accuracy),
                   .percent = true});
  page += section(result, "Loss in training", "Means over the steps since the point before.",
                  {.description = "training loss over steps",
                   .x_label = "step",
                   .series = curves(result, training, loss),
                   .may_be_logarithmic = true});
  page += section(result, "Spread of layer outputs",
                  "Standard deviation of what each convolution or linear layer passes on, with the "
                  "normalization behind it, at the end of training.",
                  {.description = "standard deviation of layer outputs over depth",
                   .x_label = "layer, from input to output",
                   .series = spreads(result),
                   .may_be_logarithmic = true});
  return page + common_settings(result) +
         fmt::format("<p class=\"faint\">Equipoise {}</p>\n</html>\n", kVersion);
}

}  // namespace equipoise::program
