#include "train_run.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <span>
#include <utility>
#include <variant>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "interrupt.h"
#include "numbers.h"
#include "output.h"

namespace equipoise::program {
namespace {

// Splits of metrics.
constexpr const char* kTraining = "training";
constexpr const char* kValidation = "validation";
constexpr const char* kValidationEma = "validation_ema";
constexpr const char* kRefused = "refused";

RunFolderOptions folder_options(const Experiment& experiment) {
  return {.keep = experiment.options().keep};
}

const State& trained_weights(Experiment& experiment) {
  return std::as_const(experiment.trainer().session()).state();
}

std::string loss_text(double loss) {
  return std::isnan(loss) ? "NaN" : fmt::format("{:.4f}", loss);
}

DataFacts data_facts(const Experiment& experiment) {
  const TrainSettings& options = experiment.options();
  return facts_of(experiment.data(), options.data,
                  options.validation_data.empty() ? options.data : options.validation_data);
}

void save_weights(const Experiment& experiment, const State& weights,
                  const std::filesystem::path& path) {
  save_model(path, experiment.network(), weights, experiment.model_info());
}

}  // namespace

void go_on_with_copies(std::vector<Setting>& settings, const std::filesystem::path& run) {
  const auto take = [&](std::string_view key, const char* name) {
    const std::filesystem::path copy = run / name;
    const auto setting = std::ranges::find(settings, key, &Setting::key);
    if (setting != settings.end() && std::filesystem::exists(copy)) {
      setting->values = {copy.string()};
    }
  };
  take("model", kBeginningFile);
  take("plan", kPlanFile);
}

TrainRun TrainRun::begin(Experiment& experiment, const std::filesystem::path& path,
                         TrainProgress& progress) {
  RunFolder folder = RunFolder::create(path, folder_options(experiment));
  // Before config.toml, with which it is a run that can be gone on with.
  if (experiment.begins_with_file()) {
    save_weights(experiment, trained_weights(experiment), path / kBeginningFile);
  }
  experiment.plan().copy_to(path / kPlanFile);
  std::string config = "# equipoise train --config FILE makes this run again\n";
  for (const Setting& setting : experiment.settings()) config += to_text(setting);
  folder.write(kRunConfig, config);
  for (const std::string& note : experiment.notes()) progress.line(note);
  return {experiment, std::move(folder), {}, {}, progress};
}

TrainRun TrainRun::resume(Experiment& experiment, const std::filesystem::path& path,
                          TrainProgress& progress) {
  RunFolder folder = RunFolder::open(path, folder_options(experiment));
  const NewestCheckpoint newest = folder.newest();
  for (const std::string& refused : newest.refused) {
    fmt::print(stderr, "A checkpoint is passed over: {}\n", refused);
  }
  TrainState state;
  if (newest.checkpoint) {
    state = restore(*newest.checkpoint, experiment.trainer(), data_facts(experiment));
  }
  std::vector<Metric> metrics = folder.rewind(state.trainer.step, state.metric_lines);
  if (state.trainer.step < experiment.steps()) {
    fmt::print(stderr, "Going on with '{}' from step {}\n", path.string(), state.trainer.step);
  }
  return {experiment, std::move(folder), state, std::move(metrics), progress};
}

TrainRun::TrainRun(Experiment& experiment, RunFolder folder, const TrainState& state,
                   std::vector<Metric> metrics, TrainProgress& progress)
    : experiment_(experiment),
      folder_(std::move(folder)),
      tally_(state.tally),
      metrics_(std::move(metrics)),
      data_(data_facts(experiment)),
      seconds_before_(state.seconds),
      progress_(progress) {
  progress_.begin(experiment.steps(), state.trainer.step);
  if (state.trainer.step > 0) saved_step_ = state.trainer.step;
}

TrainResult TrainRun::run() {
  Trainer& trainer = experiment_.trainer();
  trainer.on_batch([this](const BatchEvent& event) { after_batch(event); });
  trainer.on_step([this](const StepEvent& event) { after_step(event); });
  trainer.on_refused([this](const StepEvent& event) { after_refusal(event); });
  trainer.on_epoch([this](const EpochEvent& event) { after_epoch(event); });
  progress_.detail(fmt::format("{} in '{}'", experiment_.describe(), folder_.path().string()));
  if (const std::string note = experiment_.training().loader().note(); !note.empty()) {
    progress_.line(note);
  }
  if (const std::string warning = experiment_.warning(); !warning.empty()) progress_.line(warning);
  try {
    const Ended ended = train();
    tell_skipped();
    return result(ended);
  } catch (const Diverged& error) {
    const std::string saved = saved_step_ < 0
                                  ? "There is no checkpoint"
                                  : fmt::format("The last checkpoint is that of step {} in '{}'",
                                                saved_step_, folder_.path().string());
    throw Diverged(fmt::format("{}\n{}. To begin again: equipoise train --config {} --lr R -o NEW",
                               error.what(), saved,
                               shell_word((folder_.path() / kRunConfig).string())));
  } catch (const Error& error) {
    const std::string from =
        saved_step_ < 0 ? "the beginning" : fmt::format("step {}", saved_step_);
    throw Error(fmt::format("{}\nThe run can go on from {}: equipoise train --resume {}",
                            error.what(), from, shell_word(resume_folder_.string())));
  }
}

Ended TrainRun::train() {
  Trainer& trainer = experiment_.trainer();
  const Interrupt interrupt(&trainer);
  const Ended ended = trainer.run(experiment_.training(), experiment_.validation());
  const TrainerState state = trainer.state();
  // A run that a signal has stopped before its first step goes on from the beginning.
  if (state.step > std::max<std::int64_t>(saved_step_, 0)) save(false);
  if (ended == Ended::kAllEpochs && experiment_.validation() != nullptr && state.best_epoch < 0) {
    throw Diverged(
        "behind no epoch was the validation loss a number; try a lower learning rate or warm-up");
  }
  return ended;
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

void TrainRun::after_batch(const BatchEvent& event) {
  if (!event.result.refusal.empty()) return;
  right_ += count_right(event.result.results.view("logits"), experiment_.training().labels());
}

void TrainRun::after_step(const StepEvent& event) {
  step_seconds_ += event.seconds;
  seconds_waited_ += event.seconds_waited;
  tally_.loss += event.result.loss * static_cast<double>(event.samples);
  tally_.samples += event.samples;
  tally_.right += std::exchange(right_, 0);
  tally_.rate = event.rate;
  const TrainSettings& options = experiment_.options();
  const std::int64_t step = experiment_.trainer().state().step;
  progress_.show(status(event));
  if (step % options.log_every == 0) {
    progress_.log(status(event));
    log_training();
  }
  // Behind the last step of an epoch come its evaluation and its checkpoint.
  const bool ends_epoch = experiment_.trainer().state().batch == experiment_.training().batches();
  if (ends_epoch) return;
  const auto is_due = [step](std::int64_t every) { return every > 0 && step % every == 0; };
  if (is_due(options.evaluate_every) && experiment_.validation() != nullptr) {
    log_evaluation(kValidation,
                   evaluate(experiment_.trainer().session(), *experiment_.validation()));
  }
  if (is_due(options.save_every)) save(false);
}

void TrainRun::after_refusal(const StepEvent& event) {
  right_ = 0;
  append({.split = kRefused,
          .loss = event.result.loss,
          .accuracy = std::numeric_limits<double>::quiet_NaN(),
          .rate = event.rate,
          .refusal = event.result.refusal,
          .first_non_finite = event.result.first_non_finite});
  progress_.detail(
      fmt::format("step {} changed nothing: {}", event.step + 1, event.result.refusal));
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
  append({.split = kTraining,
          .loss = tally_.loss / static_cast<double>(tally_.samples),
          .accuracy = static_cast<double>(tally_.right) / static_cast<double>(tally_.samples),
          .rate = tally_.rate});
  tally_ = {.rate = tally_.rate};
}

void TrainRun::log_evaluation(const char* split, const Evaluation& evaluation) {
  append({.split = split,
          .loss = evaluation.loss,
          .accuracy = evaluation.accuracy,
          .rate = tally_.rate});
}

void TrainRun::append(Metric metric) {
  metric.step = experiment_.trainer().state().step;
  metric.epoch = epochs_done();
  metric.time = seconds();
  folder_.append(metric);
  metrics_.push_back(std::move(metric));
}

void TrainRun::tell_skipped() {
  for (const LoaderSource* source : {&experiment_.training(), experiment_.validation()}) {
    if (source == nullptr) continue;
    for (SkippedImage& image : source->loader().skipped()) {
      if (!told_.insert(image.name).second) continue;
      progress_.line(fmt::format("Skipped: {}", image.reason));
      skipped_.push_back(std::move(image));
    }
  }
}

void TrainRun::after_epoch(const EpochEvent& event) {
  tell_skipped();
  log_training();
  std::string line = fmt::format("epoch {}/{}: training loss {}", event.epoch + 1,
                                 experiment_.options().epochs, loss_text(event.loss));
  const auto tell = [&](const char* split, const char* name,
                        const std::optional<Evaluation>& counted) {
    if (!counted) return;
    log_evaluation(split, *counted);
    line += fmt::format(", {} loss {}, accuracy {}", name, loss_text(counted->loss),
                        percent(counted->accuracy));
  };
  tell(kValidation, "validation", event.validation);
  tell(kValidationEma, "averaged weights' validation", event.averaged);
  if (event.best) line += " (best)";
  if (event.refused > 0) line += fmt::format(", {} steps refused", event.refused);
  line += fmt::format(", {} in all", in_time(seconds()));
  progress_.line(line);
  save(event.best);
}

void TrainRun::save(bool best) {
  require_finite();
  const TrainerState state = experiment_.trainer().state();
  // Before the checkpoint: whoever goes on from that has the model of the epochs until there.
  const State* weights = weights_of_model();
  if (weights != nullptr && (best || state.best_epoch < 0)) {
    save_weights(experiment_, *weights, folder_.path() / kModelFile);
  }
  // Whoever goes on from the checkpoint plans as it was planned until there.
  if (const std::string why = experiment_.plan().keep(); !why.empty()) {
    progress_.line("Times are kept in the folder of the run alone: " + why);
  }
  program::save(folder_, experiment_.trainer(),
                {.trainer = state,
                 .tally = tally_,
                 .seconds = seconds(),
                 .metric_lines = std::ssize(metrics_),
                 .data = data_},
                best ? std::optional(state.best_accuracy) : std::nullopt);
  saved_step_ = state.step;
}

/// The gate has seen gradients, not what they make of weights.
void TrainRun::require_finite() const {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  for (const ConstStateView& entry : trained_weights(experiment_).entries()) {
    const auto* values = std::get_if<std::span<const float>>(&entry.values);
    // What the optimizer keeps besides is no weight.
    if (values == nullptr || !experiment_.network().find_tensor(entry.name)) continue;
    if (std::ranges::all_of(*values, is_finite)) continue;
    throw Diverged(
        fmt::format("'{}' is no longer finite behind step {}, of which nothing was saved; try a "
                    "lower learning rate or warm-up",
                    entry.name, experiment_.trainer().state().step));
  }
}

const State* TrainRun::weights_of_model() const {
  const Trainer& trainer = experiment_.trainer();
  if (!experiment_.options().ema) return &trained_weights(experiment_);
  return trainer.state().batch == 0 ? trainer.averaged() : nullptr;
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
                     .validation_ema = {},
                     .best_accuracy = state.best_accuracy,
                     .best_epoch = state.best_epoch,
                     .seconds = seconds(),
                     .share_waited = total > 0 ? seconds_waited_ / total : 0,
                     .metrics = metrics_,
                     .skipped = skipped_};
  for (const Metric& metric : metrics_) {
    if (metric.split == kTraining) result.training = metric;
    if (metric.split == kValidation) result.validation = metric;
    if (metric.split == kValidationEma) result.validation_ema = metric;
  }
  return result;
}

}  // namespace equipoise::program
