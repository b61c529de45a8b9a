#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "equipoise/loader.h"
#include "equipoise/run.h"
#include "equipoise/train.h"
#include "experiment.h"
#include "train_progress.h"
#include "train_state.h"

namespace equipoise::program {

/// What has become of a run.
struct TrainResult {
  std::filesystem::path folder;
  std::string model;
  Ended ended = Ended::kAllEpochs;
  std::int64_t step = 0;
  std::int64_t epoch = 0;
  std::int64_t refused = 0;
  /// The last of each split, if there was one.
  std::optional<Metric> training;
  std::optional<Metric> validation;
  std::optional<Metric> validation_ema;
  double best_accuracy = 0;
  /// −1: there was no validation.
  std::int64_t best_epoch = -1;
  /// Of training, those before it was resumed included.
  double seconds = 0;
  /// The share of the time since it was started or resumed.
  double share_waited = 0;
  std::vector<Metric> metrics = {};
  /// Images that could not be read, since it was started or resumed.
  std::vector<SkippedImage> skipped = {};
};

/// In the folder of a run: its settings.
inline constexpr const char* kRunConfig = "config.toml";

/// In the folder of a run: the weights of the best epoch, or the last ones if there is no
/// validation; averaged ones where there are some.
inline constexpr const char* kModelFile = "model.onnx";
/// Of a run that began with a model file: the network and its weights at step 0.
inline constexpr const char* kBeginningFile = "beginning.onnx";

/// Of a run with --plan: the times by which it is planned.
inline constexpr const char* kPlanFile = "plan.json";

/// Settings of a run, to go on with it: by its own copies of the model file and of the times of its
/// plans, whatever has become of those.
void go_on_with_copies(std::vector<Setting>& settings, const std::filesystem::path& run);

/// Trains an experiment in a folder: metrics and checkpoints. Experiment and progress outlive it.
class TrainRun {
 public:
  /// A new one. Throws Error if the folder cannot be one.
  static TrainRun begin(Experiment& experiment, const std::filesystem::path& path,
                        TrainProgress& progress);
  /// Goes on with one, from its newest checkpoint that can be read.
  static TrainRun resume(Experiment& experiment, const std::filesystem::path& path,
                         TrainProgress& progress);

  TrainRun(const TrainRun&) = delete;
  TrainRun& operator=(const TrainRun&) = delete;

  /// What --resume takes to go on with it, if that is not its own folder.
  void set_resume_folder(std::filesystem::path folder) { resume_folder_ = std::move(folder); }

  /// Until it is done or stopped; in both cases all of it is saved. Throws Error, which says how to
  /// go on, and Diverged, which says how to begin again.
  TrainResult run();

  /// As far as it has come.
  TrainResult result(Ended ended) const;

 private:
  TrainRun(Experiment& experiment, RunFolder folder, const TrainState& state,
           std::vector<Metric> metrics, TrainProgress& progress);

  void after_batch(const BatchEvent& event);
  void after_step(const StepEvent& event);
  void after_refusal(const StepEvent& event);
  void after_epoch(const EpochEvent& event);
  Ended train();
  /// Images that were skipped and not told of yet.
  void tell_skipped();
  void log_training();
  void log_evaluation(const char* split, const Evaluation& evaluation);
  void append(Metric metric);
  /// A checkpoint; and the model's file, if these are the weights that it is to have. Throws
  /// Diverged, and writes nothing, for weights that are not finite.
  void save(bool best);
  void require_finite() const;
  /// Those that the model's file is to have; null: they are computed at the end of the epoch.
  const State* weights_of_model() const;

  double seconds() const;
  double epochs_done() const;
  TrainProgress::Status status(const StepEvent& event) const;

  Experiment& experiment_;
  RunFolder folder_;
  std::filesystem::path resume_folder_ = folder_.path();
  Tally tally_;
  /// Of the step that is running: right answers so far.
  std::int64_t right_ = 0;
  std::vector<Metric> metrics_;
  std::vector<SkippedImage> skipped_ = {};
  std::set<std::string> told_ = {};
  DataFacts data_;
  double seconds_before_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  TrainProgress& progress_;
  double step_seconds_ = 0;
  double seconds_waited_ = 0;
  /// Of the newest checkpoint; −1: there is none.
  std::int64_t saved_step_ = -1;
};

}  // namespace equipoise::program
