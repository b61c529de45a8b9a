#include <atomic>
#include <chrono>
#include <limits>
#include <memory>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/train.h"
#include "train/schedule.h"

namespace equipoise {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

}  // namespace

struct Trainer::Parts {
  Session session;
  TrainerOptions options;
  TrainerState state = {};
  std::function<void(const StepEvent&)> step = {};
  std::function<void(const StepEvent&)> refused = {};
  std::function<void(const EpochEvent&)> epoch = {};
  std::atomic<bool> stopped = false;

  Parts(Session trained, TrainerOptions given)
      : session(std::move(trained)), options(std::move(given)) {}

  bool train_epoch(BatchSource& source, const Schedule& schedule);
  void make_step(std::span<const Input> batch, const Schedule& schedule, double seconds_waited);
  void end_epoch(BatchSource* validation, double training_seconds);
};

Trainer::Trainer(Session session, TrainerOptions options) {
  if (options.epochs < 1) throw Error(fmt::format("train: {} epochs", options.epochs));
  if (options.most_refusals < 1) {
    throw Error(fmt::format("train: most_refusals is {}", options.most_refusals));
  }
  train::check(options.schedule);
  parts_ = std::make_unique<Parts>(std::move(session), std::move(options));
}
Trainer::~Trainer() = default;

Session& Trainer::session() { return parts_->session; }
const TrainerOptions& Trainer::options() const { return parts_->options; }

TrainerState Trainer::state() const {
  TrainerState state = parts_->state;
  state.session_steps = parts_->session.steps();
  return state;
}

void Trainer::resume(const TrainerState& state) {
  if (state.epoch < 0 || state.batch < 0 || state.step < 0 || state.refused < 0 ||
      state.refused > state.step) {
    throw Error(
        fmt::format("train: cannot go on from epoch {}, batch {}, step {}, of which {} "
                    "were refused",
                    state.epoch, state.batch, state.step, state.refused));
  }
  parts_->state = state;
  parts_->session.set_steps(state.session_steps);
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
  if (schedule.steps == 0) schedule.steps = parts_->options.epochs * training.batches();
  train::check(schedule);
  while (parts_->state.epoch < parts_->options.epochs) {
    const auto start = Clock::now();
    if (!parts_->train_epoch(training, schedule)) {
      parts_->stopped = false;
      return Ended::kStopped;
    }
    parts_->end_epoch(validation, seconds_since(start));
  }
  return Ended::kAllEpochs;
}

/// Whether it came to the end of the epoch.
bool Trainer::Parts::train_epoch(BatchSource& source, const Schedule& schedule) {
  source.start(state.epoch, state.batch);
  while (!stopped) {
    const auto start = Clock::now();
    const std::span<const Input> batch = source.next();
    if (batch.empty()) return true;
    make_step(batch, schedule, seconds_since(start));
  }
  return false;
}

void Trainer::Parts::make_step(std::span<const Input> batch, const Schedule& schedule,
                               double seconds_waited) {
  const auto start = Clock::now();
  const double rate = rate_at(schedule, state.step);
  const StepResult result = session.train(batch, {.rate = static_cast<float>(rate)});
  if (!result.updated && result.refusal.empty()) {
    throw Error("train: the session has no optimizer (SessionOptions::optimizer)");
  }
  const StepEvent event{.epoch = state.epoch,
                        .batch = state.batch,
                        .step = state.step,
                        .rate = rate,
                        .samples = batch.front().value.shape.samples(),
                        .result = result,
                        .seconds = seconds_since(start),
                        .seconds_waited = seconds_waited};
  ++state.batch;
  ++state.step;
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
  if (refused) refused(event);
  if (state.refused_in_a_row >= options.most_refusals) {
    throw Error(
        fmt::format("{} steps in a row changed nothing, the last one since {}; try a "
                    "lower learning rate, warm-up, or look for bad values in the data",
                    state.refused_in_a_row, result.refusal));
  }
}

void Trainer::Parts::end_epoch(BatchSource* validation, double training_seconds) {
  EpochEvent event{.epoch = state.epoch,
                   .loss = state.epoch_samples > 0
                               ? state.epoch_loss / static_cast<double>(state.epoch_samples)
                               : std::numeric_limits<double>::quiet_NaN(),
                   .refused = state.epoch_refused,
                   .training_seconds = training_seconds};
  if (validation != nullptr) {
    const auto start = Clock::now();
    event.validation = evaluate(session, *validation, nullptr, options.names);
    event.evaluation_seconds = seconds_since(start);
    event.best = state.best_epoch < 0 || event.validation->accuracy > state.best_accuracy;
    if (event.best) {
      state.best_accuracy = event.validation->accuracy;
      state.best_epoch = state.epoch;
    }
  }
  ++state.epoch;
  state.batch = 0;
  state.epoch_loss = 0;
  state.epoch_samples = 0;
  state.epoch_refused = 0;
  if (epoch) epoch(event);
}

}  // namespace equipoise
