#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

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
  double best_accuracy = 0;
  /// −1: there was no validation.
  std::int64_t best_epoch = -1;
  /// Of training, those before it was resumed included.
  double seconds = 0;
  /// The share of the time since it was started or resumed.
  double share_waited = 0;
  std::vector<Metric> metrics = {};
};

/// Trains an experiment in a folder: metrics and checkpoints.
class TrainRun {
 public:
  /// A new one. Throws Error if the folder cannot be one.
  static TrainRun begin(Experiment& experiment, const std::filesystem::path& path);
  /// Goes on with one, from its newest checkpoint that can be read.
  static TrainRun resume(Experiment& experiment, const std::filesystem::path& path);

  TrainRun(const TrainRun&) = delete;
  TrainRun& operator=(const TrainRun&) = delete;

  /// Until it is done or stopped; in both cases all of it is saved. Throws Error, which says how to
  /// go on.
  TrainResult run();

 private:
  TrainRun(Experiment& experiment, RunFolder folder, const TrainState& state,
           std::vector<Metric> metrics);

  void after_step(const StepEvent& event);
  void after_refusal(const StepEvent& event);
  void after_epoch(const EpochEvent& event);
  void count(const StepEvent& event);
  void log_training();
  void append(Metric metric);
  void save(std::optional<double> score);
  TrainResult result(Ended ended) const;

  double seconds() const;
  double epochs_done() const;
  TrainProgress::Status status(const StepEvent& event) const;

  Experiment& experiment_;
  RunFolder folder_;
  Tally tally_;
  std::vector<Metric> metrics_;
  double seconds_before_;
  std::chrono::steady_clock::time_point start_ = std::chrono::steady_clock::now();
  TrainProgress progress_;
  double step_seconds_ = 0;
  double seconds_waited_ = 0;
  /// Of the newest checkpoint; −1: there is none.
  std::int64_t saved_step_ = -1;
};

}  // namespace equipoise::program
