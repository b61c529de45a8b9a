#include <cmath>
#include <filesystem>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "numbers.h"
#include "table.h"
#include "vary.h"

namespace equipoise::program {
namespace {

std::string range_of_seeds(const VariedVariant& varied) {
  if (varied.runs.size() == 1) return {};
  std::string counted = finished_text(varied);
  if (varied.runs_finished == 0) return counted;
  return fmt::format("{:.2f}–{:.2f}{}{}", 100 * varied.least_accuracy,
                     100 * varied.greatest_accuracy, counted.empty() ? "" : ", ", counted);
}

std::string steps(const VariedVariant& varied) {
  if (!std::isfinite(varied.others_accuracy)) return "–";
  if (!varied.steps_to_others) return fmt::format("never {}", percent(varied.others_accuracy));
  return fmt::format("{} to {}", with_commas(*varied.steps_to_others),
                     percent(varied.others_accuracy));
}

std::string spread(const VariedVariant& varied) {
  if (!std::isfinite(varied.least_std)) return "not finite";
  return fmt::format("{:.3g}–{:.3g}", varied.least_std, varied.greatest_std);
}

}  // namespace

std::string vary_text(const VaryResult& result, const Style& style) {
  using enum Table::Align;
  Table table({{.title = "variant"},
               {.title = "accuracy", .align = kRight},
               {.title = "in"},
               {.title = "of all seeds", .align = kRight},
               {.title = "loss", .align = kRight},
               {.title = "steps to the best other", .align = kRight},
               {.title = "σ of layers", .align = kRight}});
  const std::vector<std::string> splits = splits_of(result);
  for (const VariedVariant& varied : result.variants) {
    table.add({varied.variant.name, percent(varied.accuracy),
               splits.size() > 1 ? split_of(varied) : "", range_of_seeds(varied),
               std::isfinite(varied.loss) ? fmt::format("{:.4f}", varied.loss) : "–", steps(varied),
               spread(varied)});
  }
  std::string text = fmt::format(
      "{}\nAccuracy and loss in {} at the end{}, steps until the accuracy at which the best of the "
      "others ended,\nand the least and greatest standard deviation of a layer's output.\n",
      table.text(style), fmt::join(splits, " or "), result.plan.seeds > 1 ? " (medians)" : "");
  for (const VariedVariant& varied : result.variants) {
    for (const VariedRun& run : varied.runs) {
      if (run.failure.empty() && run.result.refused > 0) {
        text += fmt::format("{} (seed {}): {} of {} steps changed nothing\n", varied.variant.name,
                            run.seed, run.result.refused, run.result.step);
      }
      if (run.failure.empty()) continue;
      text += fmt::format("{} (seed {}) ended at step {}: {}\n", varied.variant.name, run.seed,
                          run.result.step, run.failure);
    }
  }
  return text + fmt::format("The curves are in {}\n", (result.folder / kVaryPage).string());
}

}  // namespace equipoise::program
