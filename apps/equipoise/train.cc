#include <memory>
#include <string>

#include <fmt/format.h>

#include "checks.h"
#include "command.h"
#include "contents_of.h"
#include "equipoise/error.h"
#include "equipoise/run.h"
#include "experiment.h"
#include "interrupt.h"
#include "model_arguments.h"
#include "output.h"
#include "train_arguments.h"
#include "train_document.h"
#include "train_progress.h"
#include "train_run.h"

namespace equipoise::program {
namespace {

namespace fs = std::filesystem;

constexpr int kSignalled = 128;

/// "runs/resnet20-1", the first that is not there.
fs::path new_folder(const std::string& name) {
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
  if (result.best_epoch >= 0) {
    text += fmt::format(", at best {:.2f} % behind epoch {}", 100 * result.best_accuracy,
                        result.best_epoch + 1);
  }
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
    add("--config", config_,
        "Take settings from this file, `option = value` a line, but for those given here", "FILE");
    add("-o,--output", output_, "The run's folder, which is new (runs/MODEL-N)", "FOLDER");
    add("--resume", resume_, "Go on with the run in this folder, from its newest checkpoint",
        "FOLDER");
    command.add_flag("--json", json_, "The result as a document in place of text");
  }

  ExitCode run() {
    if (!resume_.empty()) return resume();
    if (!config_.empty()) apply_file(config_);
    arguments_.require();
    Experiment experiment(arguments_);
    const fs::path folder =
        output_.empty() ? new_folder(arguments_.model().name()) : fs::path(output_);
    TrainRun run = TrainRun::begin(experiment, folder);
    return train(run);
  }

 private:
  void apply_file(const fs::path& path) {
    const std::string text = contents_of(path);
    std::vector<Setting> settings;
    try {
      settings = parse_settings(text, path.string());
    } catch (const Error& error) {
      throw CLI::ConfigError(error.what());
    }
    arguments_.apply(settings, path.string());
  }

  ExitCode resume() {
    if (const CLI::Option* given = arguments_.given()) {
      throw CLI::ValidationError(given->get_name(),
                                 "a run goes on with what it was started with; --resume takes all "
                                 "of it from the run's config.toml");
    }
    apply_file(fs::path(resume_) / "config.toml");
    Experiment experiment(arguments_);
    TrainRun run = TrainRun::resume(experiment, resume_);
    return train(run);
  }

  ExitCode train(TrainRun& run) const {
    const TrainResult result = run.run();
    if (result.ended == Ended::kStopped) {
      fmt::print(stderr,
                 "Stopped behind step {}, which is saved. To go on: equipoise train "
                 "--resume {}\n",
                 result.step, result.folder.string());
      return static_cast<ExitCode>(kSignalled + Interrupt::signal());
    }
    Output("").write(json_ ? train_document(result) : summary(result));
    return kDone;
  }

  TrainArguments arguments_;
  std::string config_;
  std::string output_;
  std::string resume_;
  bool json_ = false;
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
                  "  equipoise train --resume runs/photos",
                  list_of_models()));
  auto train = std::make_shared<Train>(*command);
  return {.options = command, .run = [train] { return train->run(); }};
}

}  // namespace equipoise::program
