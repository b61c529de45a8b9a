#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <limits>
#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "base/round_up.h"
#include "equipoise/error.h"
#include "equipoise/recalibrate.h"
#include "equipoise/train.h"
#include "train/schedule.h"

namespace equipoise {
namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* kAdvice =
    "try a lower learning rate, warm-up, or look for bad values in the data";

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

bool holds_together(const TrainerState& state) {
  return std::min({state.epoch, state.batch, state.step, state.refused_in_a_row,
                   state.epoch_samples, state.epoch_refused}) >= 0 &&
         std::max(state.refused_in_a_row, state.epoch_refused) <= state.refused &&
         state.refused <= state.step && state.best_epoch >= -1 && state.best_epoch < state.epoch;
}

std::int64_t steps_of(const TrainerOptions& options, const BatchSource& source) {
  const std::int64_t of_epoch = steps_of_epoch(source, options.accumulate);
  if (of_epoch > 0 && options.epochs > std::numeric_limits<std::int64_t>::max() / of_epoch) {
    throw Error(fmt::format("train: {} epochs of {} steps are more than can be counted",
                            options.epochs, of_epoch));
  }
  return options.epochs * of_epoch;
}

}  // namespace

std::int64_t steps_of_epoch(const BatchSource& source, std::int64_t accumulate) {
  return ceil_div(source.batches(), accumulate);
}

struct Trainer::Parts {
  Session session;
  TrainerOptions options;
  TrainerState state = {};
  std::function<void(const BatchEvent&)> batch = {};
  std::function<void(const StepEvent&)> step = {};
  std::function<void(const StepEvent&)> refused = {};
  std::function<void(const EpochEvent&)> epoch = {};
  /// Why the last refused step was.
  std::string refusal = "numbers were not finite";
  std::atomic<bool> stopped = false;
  std::unique_ptr<State> averaged;

  Parts(Session trained, TrainerOptions given)
      : session(std::move(trained)), options(std::move(given)) {}

  bool train_epoch(BatchSource& source, const Schedule& schedule);
  bool make_step(BatchSource& source, const Schedule& schedule);
  void end_step(const StepEvent& event);
  void require_updates() const;
  void end_epoch(BatchSource& training, BatchSource* validation, double training_seconds);
  void average(BatchSource& training);
};

Trainer::Trainer(Session session, TrainerOptions options) {
  if (options.epochs < 1) throw Error(fmt::format("train: {} epochs", options.epochs));
  if (options.accumulate < 1) {
    throw Error(
        fmt::format("train: a step of {} batches; it needs at least one", options.accumulate));
  }
  if (options.recalibration_samples < 0) {
    throw Error(fmt::format("train: recalibration of {} samples", options.recalibration_samples));
  }
  if (options.most_refusals < 1) {
    throw Error(fmt::format("train: most_refusals is {}", options.most_refusals));
  }
  train::check(options.schedule);
  parts_ = std::make_unique<Parts>(std::move(session), std::move(options));
}
Trainer::~Trainer() = default;

Session& Trainer::session() { return parts_->session; }
const TrainerOptions& Trainer::options() const { return parts_->options; }

const State* Trainer::averaged() const { return parts_->averaged.get(); }

TrainerState Trainer::state() const {
  TrainerState state = parts_->state;
  state.session_steps = parts_->session.steps();
  return state;
}

void Trainer::resume(const TrainerState& state) {
  if (!holds_together(state)) {
    throw Error(
        fmt::format("train: cannot go on from epoch {}, batch {}, step {}, of which {} were "
                    "refused, {} in a row and {} in an epoch of {} samples; the best epoch is {}",
                    state.epoch, state.batch, state.step, state.refused, state.refused_in_a_row,
                    state.epoch_refused, state.epoch_samples, state.best_epoch));
  }
  parts_->state = state;
  parts_->session.set_steps(state.session_steps);
}

void Trainer::on_batch(std::function<void(const BatchEvent&)> call) {
  parts_->batch = std::move(call);
}
void Trainer::on_step(std::function<void(const StepEvent&)> call) {
  parts_->step = std::move(call);
}
void Trainer::on_refused(std::function<void(const StepEvent&)> call) {
  parts_->refused = std::move(call);
}
void Trainer::on_epoch(std::function<void(const EpochEvent&)> call) {
  parts_->epoch = std::move(call);
}

void Trainer::stop() noexcept { parts_->stopped = true; }

Ended Trainer::run(BatchSource& training, BatchSource* validation) {
  Schedule schedule = parts_->options.schedule;
  if (schedule.steps == 0) schedule.steps = steps_of(parts_->options, training);
  train::check(schedule);
  while (parts_->state.epoch < parts_->options.epochs) {
    const auto start = Clock::now();
    if (!parts_->train_epoch(training, schedule)) {
      parts_->stopped = false;
      return Ended::kStopped;
    }
    parts_->end_epoch(training, validation, seconds_since(start));
  }
  return Ended::kAllEpochs;
}

/// Whether it came to the end of the epoch.
bool Trainer::Parts::train_epoch(BatchSource& source, const Schedule& schedule) {
  source.start(state.epoch, state.batch);
  session.discard_accumulated();  // of a step that an error has ended
  while (!stopped) {
    if (!make_step(source, schedule)) return true;
  }
  return false;
}

/// False if there was no batch left.
bool Trainer::Parts::make_step(BatchSource& source, const Schedule& schedule) {
  const auto start = Clock::now();
  const double rate = rate_at(schedule, state.step);
  StepOptions update{.rate = static_cast<float>(rate)};
  if (options.clip_norm) update.clip_norm = static_cast<float>(*options.clip_norm);
  const bool accumulates = options.accumulate > 1;
  StepResult result;
  std::int64_t batches = 0;
  std::int64_t samples = 0;
  double seconds_waited = 0;
  while (batches < options.accumulate) {
    const auto asked = Clock::now();
    const std::span<const Input> inputs = source.next();
    seconds_waited += seconds_since(asked);
    if (inputs.empty()) break;
    const std::int64_t count = inputs.front().value.shape.samples();
    ++batches;
    samples += count;
    const bool runs = result.refusal.empty();
    result = accumulates ? session.accumulate(inputs) : session.train(inputs, update);
    if (runs && batch) batch({.samples = count, .result = result});
  }
  if (batches == 0) return false;
  if (accumulates) result = session.update(update);
  if (!result.updated && result.refusal.empty()) {
    throw Error("train: the session has no optimizer (SessionOptions::optimizer)");
  }
  const StepEvent event{.epoch = state.epoch,
                        .batch = state.batch,
                        .step = state.step,
                        .rate = rate,
                        .samples = samples,
                        .result = result,
                        .seconds = seconds_since(start) - seconds_waited,
                        .seconds_waited = seconds_waited};
  state.batch += batches;
  ++state.step;
  end_step(event);
  return true;
}

void Trainer::Parts::end_step(const StepEvent& event) {
  const StepResult& result = event.result;
  if (result.updated) {
    state.refused_in_a_row = 0;
    state.epoch_loss += result.loss * static_cast<double>(event.samples);
    state.epoch_samples += event.samples;
    if (step) step(event);
    return;
  }
  ++state.refused;
  ++state.epoch_refused;
  ++state.refused_in_a_row;
  refusal = result.refusal;
  if (refused) refused(event);
  if (state.refused_in_a_row >= options.most_refusals) {
    throw Diverged(fmt::format("{} steps in a row changed nothing, the last one since {}; {}",
                               state.refused_in_a_row, refusal, kAdvice));
  }
}

/// Where no step of an epoch changed anything, those of the next one will not either.
void Trainer::Parts::require_updates() const {
  if (state.epoch_refused == 0 || state.epoch_samples > 0) return;
  throw Diverged(fmt::format("all {} steps of an epoch changed nothing, the last one since {}; {}",
                             state.epoch_refused, refusal, kAdvice));
}

void Trainer::Parts::average(BatchSource& training) {
  if (!averaged) averaged = std::make_unique<State>(session.graph());
  session.average_into(*averaged);
  recalibrate(session, training,
              {.samples = options.recalibration_samples,
               .epoch = state.epoch,
               .frozen_norms = options.frozen_norms,
               .state = averaged.get()});
}

void Trainer::Parts::end_epoch(BatchSource& training, BatchSource* validation,
                               double training_seconds) {
  require_updates();
  EpochEvent event{.epoch = state.epoch,
                   .loss = state.epoch_samples > 0
                               ? state.epoch_loss / static_cast<double>(state.epoch_samples)
                               : std::numeric_limits<double>::quiet_NaN(),
                   .refused = state.epoch_refused,
                   .training_seconds = training_seconds};
  const auto start = Clock::now();
  if (session.averages()) average(training);
  if (validation != nullptr) {
    event.validation = evaluate(session, *validation, nullptr, options.names);
    if (averaged) event.averaged = evaluate(session, *validation, averaged.get(), options.names);
    const Evaluation& decides = event.averaged ? *event.averaged : *event.validation;
    event.best = !std::isnan(decides.loss) &&
                 (state.best_epoch < 0 || decides.accuracy > state.best_accuracy ||
                  (decides.accuracy == state.best_accuracy && decides.loss < state.best_loss));
    if (event.best) {
      state.best_accuracy = decides.accuracy;
      state.best_loss = decides.loss;
      state.best_epoch = state.epoch;
    }
  }
  event.evaluation_seconds = seconds_since(start);
  ++state.epoch;
  state.batch = 0;
  state.epoch_loss = 0;
  state.epoch_samples = 0;
  state.epoch_refused = 0;
  if (epoch) epoch(event);
}

}  // namespace equipoise
