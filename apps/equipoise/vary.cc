#include "vary.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <span>
#include <string_view>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>

#include "checks.h"
#include "data_cache.h"
#include "equipoise/error.h"
#include "equipoise/models.h"
#include "experiment.h"
#include "interrupt.h"
#include "train_arguments.h"
#include "train_progress.h"

namespace equipoise::program {
namespace {

namespace fs = std::filesystem;

constexpr const char* kSeed = "seed";
constexpr const char* kVaryKey = "vary";
constexpr const char* kSeedsKey = "seeds";
constexpr const char* kDirectoryKey = "directory";

/// Arguments of one training, without a command line.
class AppliedArguments {
 public:
  explicit AppliedArguments(const std::vector<Setting>& settings) : arguments_(command_) {
    arguments_.apply(settings, "--vary");
    arguments_.require();
  }
  const TrainArguments& get() const { return arguments_; }

 private:
  CLI::App command_;
  TrainArguments arguments_;
};

std::uint64_t first_seed(const VaryPlan& plan) {
  const auto found = std::ranges::find(plan.settings, kSeed, &Setting::key);
  return found == plan.settings.end() ? 0 : std::stoull(found->values.front());
}

/// Settings whose data set, model and plan are found from anywhere.
std::vector<Setting> located(std::vector<Setting> settings, const fs::path& directory) {
  const std::span<const std::string_view> names = model_names();
  for (Setting& setting : settings) {
    std::string& value = setting.values.front();
    const fs::path path = (directory / value).lexically_normal();
    const bool is_name = std::ranges::find(names, value) != names.end();
    const bool is_data = setting.key == "data" || setting.key == "validation-data";
    const bool is_path = setting.key == "plan" || (is_data && fs::is_directory(path)) ||
                         (setting.key == "model" && !is_name && fs::exists(path));
    if (is_path) value = path.string();
  }
  return settings;
}

/// Settings of one run; without a seed, as the variant says.
std::vector<Setting> settings_of(const VaryPlan& plan, const Variant& variant, int seed) {
  std::vector<Setting> settings = plan.settings;
  if (plan.seeds > 1) {
    const std::uint64_t number = first_seed(plan) + static_cast<std::uint64_t>(seed);
    settings = merged(std::move(settings), std::vector{Setting{kSeed, {std::to_string(number)}}});
  }
  return located(merged(std::move(settings), variant.settings), plan.directory);
}

/// "norm=none+lr=0.05-seed-1"
std::string folder_name(const VaryPlan& plan, const Variant& variant, int seed) {
  std::string name = variant.name;
  std::ranges::replace(name, ' ', '+');
  std::ranges::replace(name, '/', '_');
  if (plan.seeds > 1)
    name += fmt::format("-seed-{}", first_seed(plan) + static_cast<std::uint64_t>(seed));
  return name;
}

void check(const VaryPlan& plan, DataCache& cache) {
  TrainProgress progress;
  std::vector<std::string> folders;
  for (const Variant& variant : plan.variants) {
    const AppliedArguments arguments(settings_of(plan, variant, 0));
    const Experiment experiment(arguments.get(), cache, progress);
    folders.push_back(folder_name(plan, variant, 0));
    if (std::ranges::count(folders, folders.back()) > 1) {
      throw CLI::ValidationError(
          "--vary", fmt::format("two variants would have the folder '{}'", folders.back()));
    }
  }
}

void write_plan(const VaryPlan& plan, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error || !fs::is_empty(folder, error) || error) {
    throw Error(fmt::format("cannot make the folder '{}': {}", folder.string(),
                            error ? error.message() : "it is there and not empty"));
  }
  std::string text = "# equipoise train --resume FOLDER goes on with what is in this folder\n";
  text += to_text({.key = kVaryKey, .values = {plan.text}});
  text += to_text({.key = kSeedsKey, .values = {std::to_string(plan.seeds)}});
  text += to_text({.key = kDirectoryKey, .values = {plan.directory.string()}});
  for (const Setting& setting : plan.settings) text += to_text(setting);
  write_atomically(folder / kVaryFile, text);
}

TrainRun start(Experiment& experiment, const fs::path& folder, TrainProgress& progress) {
  if (fs::exists(folder / kRunConfig)) return TrainRun::resume(experiment, folder, progress);
  // A folder without it was cut off before its first step, and is begun anew, or is somebody's.
  return TrainRun::begin(experiment, folder, progress);
}

std::string deciding_split(Experiment& experiment) {
  if (experiment.validation() == nullptr) return "training";
  return experiment.options().ema ? "validation_ema" : "validation";
}

/// In the folder of a run, one of those in a folder of all. Nothing if a signal has stopped it.
std::optional<VariedRun> train_one(Experiment& experiment, const fs::path& folder,
                                   const fs::path& all, TrainProgress& progress) {
  TrainRun run = start(experiment, folder, progress);
  run.set_resume_folder(all);
  VariedRun varied{
      .seed = experiment.options().seed, .split = deciding_split(experiment), .result = {}};
  try {
    varied.result = run.run();
    if (varied.result.ended == Ended::kStopped) return std::nullopt;
  } catch (const Diverged& error) {
    const std::string_view text = error.what();
    varied.failure = text.substr(0, text.find('\n'));
    varied.result = run.result(Ended::kStopped);
    progress.line(varied.failure);
  }
  LoaderSource& images =
      experiment.validation() != nullptr ? *experiment.validation() : experiment.training();
  varied.layers =
      layer_outputs(experiment.network(), experiment.trainer().session().state(), images);
  return varied;
}

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kInfinity = std::numeric_limits<double>::infinity();

/// The middle one, or the mean of the two there are; NaN of none, and if it is not finite.
double median(std::vector<double> values) {
  if (values.empty()) return kNone;
  std::ranges::sort(values);
  const std::size_t middle = values.size() / 2;
  const double found =
      values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
  return std::isfinite(found) ? found : kNone;
}

/// Of the split that decides.
const std::optional<Metric>& last(const VariedRun& run) {
  const TrainResult& result = run.result;
  if (run.split == "training") return result.training;
  return run.split == "validation_ema" ? result.validation_ema : result.validation;
}

void measure(VariedVariant& varied) {
  std::vector<double> accuracies;
  std::vector<double> losses;
  std::vector<double> stds;
  varied.least_accuracy = varied.greatest_accuracy = kNone;
  for (const VariedRun& run : varied.runs) {
    const auto& metric = last(run);
    const bool is_measured = metric && run.failure.empty() && !std::isnan(metric->loss);
    accuracies.push_back(is_measured ? metric->accuracy : -kInfinity);
    losses.push_back(is_measured ? metric->loss : kInfinity);
    if (is_measured) {
      // Of a NaN, the other.
      varied.least_accuracy = std::fmin(varied.least_accuracy, metric->accuracy);
      varied.greatest_accuracy = std::fmax(varied.greatest_accuracy, metric->accuracy);
      ++varied.runs_finished;
    }
    for (const LayerOutput& layer : run.layers) stds.push_back(layer.std);
  }
  varied.accuracy = median(std::move(accuracies));
  varied.loss = median(std::move(losses));
  const bool finite =
      !stds.empty() && std::ranges::all_of(stds, [](double std) { return std::isfinite(std); });
  varied.least_std = finite ? std::ranges::min(stds) : kNone;
  varied.greatest_std = finite ? std::ranges::max(stds) : kNone;
}

void compare(VaryResult& result) {
  for (VariedVariant& varied : result.variants) {
    varied.others_accuracy = kNone;
    for (const VariedVariant& other : result.variants) {
      // Of a NaN, the left one.
      if (&other != &varied)
        varied.others_accuracy = std::fmax(varied.others_accuracy, other.accuracy);
    }
    std::vector<double> steps;
    for (const VariedRun& run : varied.runs) {
      const auto reached = std::ranges::find_if(run.result.metrics, [&](const Metric& metric) {
        return run.failure.empty() && metric.split == run.split &&
               metric.accuracy >= varied.others_accuracy;
      });
      steps.push_back(reached == run.result.metrics.end() ? kInfinity
                                                          : static_cast<double>(reached->step));
    }
    const double typical = median(std::move(steps));
    if (std::isfinite(typical)) varied.steps_to_others = std::llround(typical);
  }
}

std::optional<VaryResult> train_all(const VaryPlan& plan, const fs::path& folder,
                                    DataCache& cache) {
  const Interrupt interrupt;
  VaryResult result{.folder = folder, .plan = plan, .variants = {}};
  for (const Variant& variant : plan.variants) result.variants.push_back({.variant = variant});
  TrainProgress progress(static_cast<int>(plan.variants.size()) * plan.seeds);
  for (int seed = 0; seed < plan.seeds; ++seed) {
    for (VariedVariant& varied : result.variants) {
      if (Interrupt::signal() != 0) return std::nullopt;
      const std::string name = folder_name(plan, varied.variant, seed);
      // One that is begun knows mean and std of its images, and where they are.
      const fs::path begun = folder / name / kRunConfig;
      const bool is_begun = fs::exists(begun);
      std::vector<Setting> settings =
          is_begun ? read_settings(begun) : settings_of(plan, varied.variant, seed);
      if (is_begun) go_on_with_copies(settings, folder / name);
      const AppliedArguments arguments(settings);
      progress.title(name);
      Experiment experiment(arguments.get(), cache, progress);
      std::optional<VariedRun> run = train_one(experiment, folder / name, folder, progress);
      if (!run) return std::nullopt;
      progress.end(run->result.step);
      varied.runs.push_back(std::move(*run));
    }
  }
  for (VariedVariant& varied : result.variants) measure(varied);
  compare(result);
  write_atomically(folder / kVaryPage, vary_page(result));
  return result;
}

VaryPlan read_plan(const fs::path& folder) {
  const fs::path path = folder / kVaryFile;
  VaryPlan plan;
  for (Setting& setting : read_settings(path)) {
    const std::string value = setting.values.size() == 1 ? setting.values.front() : "";
    if (setting.key == kVaryKey) {
      plan.text = value;
    } else if (setting.key == kDirectoryKey) {
      plan.directory = value;
    } else if (setting.key == kSeedsKey) {
      const auto seeds = parse_count(value);
      if (!seeds || *seeds > std::numeric_limits<int>::max()) {
        throw Error(fmt::format("'{}', line {}: '{}' is not a whole number ≥ 1", path.string(),
                                setting.line, value));
      }
      plan.seeds = static_cast<int>(*seeds);
    } else if (setting.key == kSeed && !parse_whole_number(value)) {
      throw Error(fmt::format("'{}', line {}: '{}' is not a whole number ≥ 0", path.string(),
                              setting.line, value));
    } else {
      plan.settings.push_back(std::move(setting));
    }
  }
  CLI::App unused;
  plan.variants = parse_variants(plan.text, TrainArguments(unused).keys());
  return plan;
}

}  // namespace

const std::string& split_of(const VariedVariant& varied) { return varied.runs.front().split; }

std::string finished_text(const VariedVariant& varied) {
  const auto runs = std::ssize(varied.runs);
  return varied.runs_finished == runs
             ? ""
             : fmt::format("{} of {} finished", varied.runs_finished, runs);
}

std::vector<std::string> splits_of(const VaryResult& result) {
  std::vector<std::string> splits;
  for (const VariedVariant& varied : result.variants) {
    if (std::ranges::find(splits, split_of(varied)) == splits.end()) {
      splits.push_back(split_of(varied));
    }
  }
  return splits;
}

std::optional<VaryResult> train_variants(const VaryPlan& plan, const fs::path& folder) {
  DataCache cache;
  check(plan, cache);
  write_plan(plan, folder);
  return train_all(plan, folder, cache);
}

std::optional<VaryResult> resume_variants(const fs::path& folder) {
  DataCache cache;
  return train_all(read_plan(folder), folder, cache);
}

}  // namespace equipoise::program
