#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include <fmt/format.h>

#include "checks.h"
#include "command.h"
#include "data_cache.h"
#include "equipoise/error.h"
#include "equipoise/run.h"
#include "equipoise/runtime.h"
#include "experiment.h"
#include "interrupt.h"
#include "model_arguments.h"
#include "output.h"
#include "train_arguments.h"
#include "train_document.h"
#include "train_progress.h"
#include "train_run.h"
#include "vary.h"

namespace equipoise::program {
namespace {

namespace fs = std::filesystem;

constexpr int kSignalled = 128;

/// "runs/resnet20-1", the first that is not there.
fs::path new_folder(std::string name) {
  std::ranges::replace(name, '/', '_');
  for (int number = 1;; ++number) {
    fs::path folder = fs::path("runs") / fmt::format("{}-{}", name, number);
    if (!fs::exists(folder)) return folder;
  }
}

std::string summary(const TrainResult& result) {
  std::string text = fmt::format("{}: {} steps, {} epochs in {}", result.folder.string(),
                                 result.step, result.epoch, in_time(result.seconds));
  if (result.validation) {
    text += fmt::format("; validation accuracy {:.2f} %", 100 * result.validation->accuracy);
  }
  if (result.validation_ema) {
    text += fmt::format(", with averaged weights {:.2f} %", 100 * result.validation_ema->accuracy);
  }
  if (result.best_epoch >= 0) {
    text += fmt::format(", at best {:.2f} % behind epoch {}", 100 * result.best_accuracy,
                        result.best_epoch + 1);
  }
  text += fmt::format("\nThe model is {}", (result.folder / kModelFile).string());
  return text + fmt::format("\n{:.1f} % of the time went into waiting for images\n",
                            100 * result.share_waited);
}

class Train {
 public:
  explicit Train(CLI::App& command) : arguments_(command) {
    const auto add = [&](const char* flag, std::string& value, const char* description,
                         const char* type) {
      return command.add_option(flag, value, description)->type_name(type);
    };
    config_given_ = add(
        "--config", config_,
        "Take settings from this file, `option = value` a line, but for those given here", "FILE");
    output_given_ =
        add("-o,--output", output_, "The run's folder, which is new (runs/MODEL-N)", "FOLDER");
    add("--resume", resume_, "Go on with the run in this folder, from its newest checkpoint",
        "FOLDER");
    command.add_flag("--json", json_, "The result as a document in place of text");
    vary_ = add("--vary", varied_,
                "Train a model for each of these values of an option, and compare them; a value "
                "may bring others along: norm=batch,none+lr=0.05",
                "KEY=V,V,...");
    seeds_given_ =
        command.add_option("--seeds", seeds_, "Of --vary: trainings of each, by as many seeds (1)")
            ->type_name("N")
            ->check(count());
  }

  ExitCode run() {
    if (!resume_.empty()) return resume();
    // Before a file: what varies takes precedence over it, as all that is given here.
    const bool is_varied_here = vary_->count() > 0;
    if (is_varied_here) check_varied();
    if (!config_.empty()) {
      arguments_.apply(read_settings(config_), config_, std::array{vary_, seeds_given_});
    }
    if (vary_->count() == 0 && seeds_given_->count() > 0) {
      throw CLI::RequiresError("--seeds", "--vary");
    }
    if (vary_->count() > 0) {
      if (!is_varied_here) check_varied();
      check_seeds();
      return vary();
    }
    arguments_.require();
    DataCache cache;
    TrainProgress progress;
    Experiment experiment(arguments_, cache, progress);
    TrainRun run = TrainRun::begin(experiment, folder(experiment.network().name()), progress);
    return train(run);
  }

 private:
  fs::path folder(const std::string& name) const {
    return output_.empty() ? new_folder(name) : fs::path(output_);
  }

  /// The first of what was given that a run says itself; empty if nothing was.
  std::string given() const {
    if (arguments_.is_set("model")) return "MODEL";
    const std::array<const CLI::Option*, 5> options = {vary_, seeds_given_, config_given_,
                                                       output_given_, arguments_.given()};
    for (const CLI::Option* option : options) {
      if (option != nullptr && option->count() > 0) return option->get_name();
    }
    return {};
  }

  ExitCode resume() {
    if (const std::string name = given(); !name.empty()) {
      throw CLI::ValidationError(name,
                                 "a run goes on with what it was started with; --resume takes all "
                                 "of it from the run's config.toml");
    }
    if (fs::exists(fs::path(resume_) / kVaryFile)) return show(resume_variants(resume_), resume_);
    const fs::path config = fs::path(resume_) / kRunConfig;
    std::vector<Setting> settings = read_settings(config);
    go_on_with_copies(settings, resume_);
    arguments_.apply(settings, config.string());
    DataCache cache;
    TrainProgress progress;
    Experiment experiment(arguments_, cache, progress);
    TrainRun run = TrainRun::resume(experiment, resume_, progress);
    return train(run);
  }

  ExitCode vary() const {
    VaryPlan plan{.settings = {}, .text = varied_, .variants = {}, .seeds = seeds_};
    plan.variants = parse_variants(varied_, arguments_.keys());
    for (Setting& setting : arguments_.all()) {
      if (!setting.values.front().empty()) plan.settings.push_back(std::move(setting));
    }
    const std::string& key = plan.variants.front().settings.front().key;
    if (!arguments_.is_set("threads")) {
      plan.settings.push_back({.key = "threads", .values = {std::to_string(num_threads())}});
    }
    const fs::path path = folder(fmt::format("vary-{}", key));
    return show(train_variants(plan, path), path);
  }

  void check_varied() const {
    for (const Variant& variant : parse_variants(varied_, arguments_.keys())) {
      const std::string& varied = variant.settings.front().key;
      if (arguments_.is_set(varied)) {
        throw CLI::ValidationError("--vary",
                                   fmt::format("'{}' is set to one value as well", varied));
      }
    }
  }

  void check_seeds() const {
    for (const Variant& variant : parse_variants(varied_, arguments_.keys())) {
      const bool has_seed =
          std::ranges::find(variant.settings, "seed", &Setting::key) != variant.settings.end();
      if (seeds_ > 1 && has_seed) throw CLI::ExcludesError("--vary seed", "--seeds");
    }
  }

  ExitCode show(const std::optional<VaryResult>& result, const fs::path& folder) const {
    if (!result) {
      fmt::print(stderr, "Stopped; what was done is saved. To go on: equipoise train --resume {}\n",
                 shell_word(folder.string()));
      return static_cast<ExitCode>(kSignalled + Interrupt::signal());
    }
    const Output output("");
    output.write(json_ ? vary_document(*result) : vary_text(*result, output.style()));
    const bool all_diverged =
        std::ranges::all_of(result->variants, [](const VariedVariant& varied) {
          return std::ranges::none_of(varied.runs,
                                      [](const VariedRun& run) { return run.failure.empty(); });
        });
    return all_diverged ? kFailed : kDone;
  }

  ExitCode train(TrainRun& run) const {
    const TrainResult result = run.run();
    if (result.ended == Ended::kStopped) {
      fmt::print(stderr,
                 "Stopped behind step {}, which is saved. To go on: equipoise train "
                 "--resume {}\n",
                 result.step, shell_word(result.folder.string()));
      if (json_) Output("").write(train_document(result));
      return static_cast<ExitCode>(kSignalled + Interrupt::signal());
    }
    Output("").write(json_ ? train_document(result) : summary(result));
    return kDone;
  }

  TrainArguments arguments_;
  CLI::Option* config_given_ = nullptr;
  std::string config_;
  CLI::Option* output_given_ = nullptr;
  std::string output_;
  std::string resume_;
  bool json_ = false;
  CLI::Option* vary_ = nullptr;
  std::string varied_;
  CLI::Option* seeds_given_ = nullptr;
  int seeds_ = 1;
};

}  // namespace

Command add_train(CLI::App& program) {
  CLI::App* command = program.add_subcommand("train", "Train a model on images");
  command->group("Commands");
  command->footer(
      fmt::format("Models:\n{}\n\nExamples:\n"
                  "  equipoise train resnet20 --data fashion-mnist\n"
                  "  equipoise train resnet20 --data cifar-10-batches-bin --crop random --padding "
                  "4 --flip 0.5 --epochs 30 -o runs/photos\n"
                  "  equipoise train resnet20 --data fashion-mnist --vary norm=batch,group,none\n"
                  "  equipoise train runs/photos --data birds --lr 0.01\n"
                  "  equipoise train --resume runs/photos",
                  list_of_models()));
  auto train = std::make_shared<Train>(*command);
  return {.options = command, .run = [train] { return train->run(); }};
}

}  // namespace equipoise::program
