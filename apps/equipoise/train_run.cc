#include "train_run.h"

#include <iterator>
#include <span>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "interrupt.h"
#include "numbers.h"

namespace equipoise::program {
namespace {

constexpr const char* kConfig = "config.toml";

std::string percent(double share) { return fmt::format("{:.2f} %", 100 * share); }

RunFolderOptions folder_options(const Experiment& experiment) {
  return {.keep = experiment.options().keep};
}

}  // namespace

TrainRun TrainRun::begin(Experiment& experiment, const std::filesystem::path& path) {
  RunFolder folder = RunFolder::create(path, folder_options(experiment));
  std::string config = "# equipoise train --config FILE makes this run again\n";
  for (const Setting& setting : experiment.settings()) config += to_text(setting);
  folder.write(kConfig, config);
  return {experiment, std::move(folder), {}, {}};
}

TrainRun TrainRun::resume(Experiment& experiment, const std::filesystem::path& path) {
  RunFolder folder = RunFolder::open(path, folder_options(experiment));
  const NewestCheckpoint newest = folder.newest();
  for (const std::string& refused : newest.refused) {
    fmt::print(stderr, "A checkpoint is passed over: {}\n", refused);
  }
  TrainState state;
  if (newest.checkpoint) state = restore(*newest.checkpoint, experiment.trainer());
  std::vector<Metric> metrics = folder.rewind(state.trainer.step);
  fmt::print(stderr, "Going on with '{}' from step {}\n", path.string(), state.trainer.step);
  return {experiment, std::move(folder), state, std::move(metrics)};
}

TrainRun::TrainRun(Experiment& experiment, RunFolder folder, const TrainState& state,
                   std::vector<Metric> metrics)
    : experiment_(experiment),
      folder_(std::move(folder)),
      tally_(state.tally),
      metrics_(std::move(metrics)),
      seconds_before_(state.seconds),
      progress_(experiment.steps(), state.trainer.step) {
  if (state.trainer.step > 0) saved_step_ = state.trainer.step;
}

TrainResult TrainRun::run() {
  Trainer& trainer = experiment_.trainer();
  trainer.on_step([this](const StepEvent& event) { after_step(event); });
  trainer.on_refused([this](const StepEvent& event) { after_refusal(event); });
  trainer.on_epoch([this](const EpochEvent& event) { after_epoch(event); });
  progress_.line(fmt::format("{} in '{}'", experiment_.describe(), folder_.path().string()));
  if (const std::string note = experiment_.training().loader().note(); !note.empty()) {
    progress_.line(note);
  }
  try {
    const Interrupt interrupt(trainer);
    const Ended ended = trainer.run(experiment_.training(), experiment_.validation());
    if (saved_step_ != trainer.state().step) save(std::nullopt);
    return result(ended);
  } catch (const Error& error) {
    const std::string from =
        saved_step_ < 0 ? "the beginning" : fmt::format("step {}", saved_step_);
    throw Error(fmt::format("{}\nThe run can go on from {}: equipoise train --resume {}",
                            error.what(), from, folder_.path().string()));
  }
}

double TrainRun::seconds() const {
  const std::chrono::duration<double> since = std::chrono::steady_clock::now() - start_;
  return seconds_before_ + since.count();
}

double TrainRun::epochs_done() const {
  const TrainerState state = experiment_.trainer().state();
  return static_cast<double>(state.epoch) +
         static_cast<double>(state.batch) / static_cast<double>(experiment_.training().batches());
}

void TrainRun::count(const StepEvent& event) {
  const std::span<const std::int32_t> labels = experiment_.training().labels();
  tally_.loss += event.result.loss * static_cast<double>(event.samples);
  tally_.samples += event.samples;
  tally_.right += count_right(event.result.results.view("logits"), labels);
  tally_.rate = event.rate;
}

void TrainRun::after_step(const StepEvent& event) {
  step_seconds_ += event.seconds;
  seconds_waited_ += event.seconds_waited;
  count(event);
  const TrainSettings& options = experiment_.options();
  const std::int64_t step = experiment_.trainer().state().step;
  progress_.show(status(event));
  if (step % options.log_every == 0) {
    progress_.log(status(event));
    log_training();
  }
  // Behind the last step of an epoch come its evaluation and its checkpoint.
  const bool ends_epoch = event.batch + 1 == experiment_.training().batches();
  if (options.save_every > 0 && step % options.save_every == 0 && !ends_epoch) save(std::nullopt);
}

void TrainRun::after_refusal(const StepEvent& event) {
  progress_.line(fmt::format("step {} changed nothing: {}", event.step, event.result.refusal));
}

TrainProgress::Status TrainRun::status(const StepEvent& event) const {
  return {.epoch = epochs_done(),
          .epochs = experiment_.options().epochs,
          .step = experiment_.trainer().state().step,
          .loss = tally_.loss / static_cast<double>(tally_.samples),
          .accuracy = static_cast<double>(tally_.right) / static_cast<double>(tally_.samples),
          .rate = event.rate,
          .images_per_second =
              static_cast<double>(event.samples) / (event.seconds + event.seconds_waited)};
}

void TrainRun::log_training() {
  if (tally_.samples == 0) return;
  append({.split = "training",
          .loss = tally_.loss / static_cast<double>(tally_.samples),
          .accuracy = static_cast<double>(tally_.right) / static_cast<double>(tally_.samples),
          .rate = tally_.rate});
  tally_ = {.rate = tally_.rate};
}

void TrainRun::append(Metric metric) {
  metric.step = experiment_.trainer().state().step;
  metric.epoch = epochs_done();
  metric.time = seconds();
  folder_.append(metric);
  metrics_.push_back(std::move(metric));
}

void TrainRun::after_epoch(const EpochEvent& event) {
  log_training();
  std::string line = fmt::format("epoch {}/{}: training loss {:.4f}", event.epoch + 1,
                                 experiment_.options().epochs, event.loss);
  std::optional<double> score;
  if (const auto& counted = event.validation) {
    append({.split = "validation",
            .loss = counted->loss,
            .accuracy = counted->accuracy,
            .rate = tally_.rate});
    score = counted->accuracy;
    line += fmt::format(", validation loss {:.4f}, accuracy {}{}", counted->loss,
                        percent(counted->accuracy), event.best ? " (best)" : "");
  }
  if (event.refused > 0) line += fmt::format(", {} steps refused", event.refused);
  line += fmt::format(", {} in all", in_time(seconds()));
  progress_.line(line);
  save(score);
}

void TrainRun::save(std::optional<double> score) {
  program::save(folder_, experiment_.trainer(),
                {.trainer = experiment_.trainer().state(), .tally = tally_, .seconds = seconds()},
                score);
  saved_step_ = experiment_.trainer().state().step;
}

TrainResult TrainRun::result(Ended ended) const {
  const TrainerState state = experiment_.trainer().state();
  const double total = step_seconds_ + seconds_waited_;
  TrainResult result{.folder = folder_.path(),
                     .model = experiment_.network().name(),
                     .ended = ended,
                     .step = state.step,
                     .epoch = state.epoch,
                     .refused = state.refused,
                     .training = {},
                     .validation = {},
                     .best_accuracy = state.best_accuracy,
                     .best_epoch = state.best_epoch,
                     .seconds = seconds(),
                     .share_waited = total > 0 ? seconds_waited_ / total : 0,
                     .metrics = metrics_};
  for (const Metric& metric : metrics_) {
    (metric.split == "training" ? result.training : result.validation) = metric;
  }
  return result;
}

}  // namespace equipoise::program
