#pragma once

/// The training loop: rates, epochs, evaluation, and everything that a resumed run needs to make
/// the same bits.
///
///     Session session(graph, {.optimizer = ops::SgdOptions{.momentum = 0.9}});
///     Trainer trainer(std::move(session), {.epochs = 30, .schedule = {.rate = 0.1}});
///     trainer.on_epoch([](const EpochEvent& epoch) { … });
///     trainer.run(training, &validation);

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/error.h"
#include "equipoise/export.h"
#include "equipoise/session.h"

namespace equipoise {

/// How the learning rate goes on behind its warm-up.
enum class Decay : std::uint8_t {
  kConstant,
  kStep,  ///< times `factor` at each milestone
  /// Down to `final_rate`, which is that of step `steps`: the last one, steps − 1, is just above it
  /// (Loshchilov & Hutter 2017, eq. 5; PyTorch's CosineAnnealingLR with T_max = steps − W).
  kCosine,
};

/// The learning rate as a function of the step. With W = warmup_steps and t = step − W:
///
///     step < W     rate·(step + 1)/(W + 1)
///     kConstant    rate
///     kStep        rate·factor^(number of milestones ≤ step)
///     kCosine      final_rate + (rate − final_rate)·(1 + cos(π·t/(steps − W)))/2
struct Schedule {
  double rate = 0.1;
  Decay decay = Decay::kCosine;
  std::int64_t warmup_steps = 0;
  /// Of kCosine: of the whole training, more than warmup_steps. From there on it is final_rate. 0:
  /// as many as the trainer will make.
  std::int64_t steps = 0;
  double final_rate = 0;
  /// Of kStep: in ascending order.
  std::vector<std::int64_t> milestones = {};
  double factor = 0.1;
};

/// The rate of a step ≥ 0. Throws Error for numbers out of range.
[[nodiscard]] EQUIPOISE_API double rate_at(const Schedule& schedule, std::int64_t step);

/// Batches of one epoch after another. For one thread at a time.
class EQUIPOISE_API BatchSource {
 public:
  BatchSource() = default;
  BatchSource(const BatchSource&) = delete;
  BatchSource& operator=(const BatchSource&) = delete;
  virtual ~BatchSource() = default;

  /// Goes to a batch of an epoch, both from 0. The same numbers give the same batches.
  virtual void start(std::int64_t epoch, std::int64_t batch) = 0;
  /// The inputs of the graph, until the next call; empty behind the last batch of the epoch.
  virtual std::span<const Input> next() = 0;
  /// In an epoch; `next` may end earlier.
  [[nodiscard]] virtual std::int64_t batches() const = 0;
};

/// What inputs and outputs of a classifier are called.
struct ClassifierNames {
  std::string labels = "labels";
  std::string logits = "logits";
};

/// Steps of an epoch, of `accumulate` batches each.
[[nodiscard]] EQUIPOISE_API std::int64_t steps_of_epoch(const BatchSource& source,
                                                        std::int64_t accumulate);

/// How many rows of logits (N, K), f32, have their largest value at the row's label: the first of
/// equal ones, and never in a row with a NaN. REQUIRES: N labels
[[nodiscard]] EQUIPOISE_API std::int64_t count_right(const ConstTensorView& logits,
                                                     std::span<const std::int32_t> labels);

/// The samples of one class.
struct ClassCount {
  std::int64_t samples = 0;
  std::int64_t right = 0;
};

struct Evaluation {
  /// The mean over samples of −log softmax(logits) at the label, without smoothing.
  double loss = 0;
  /// The share of samples whose label has the largest logit, none of which is NaN.
  double accuracy = 0;
  std::int64_t samples = 0;
  /// By label.
  std::vector<ClassCount> classes = {};
};

/// Runs inference over epoch 0 of a source. Every sample counts once, also in a last batch that is
/// smaller; sums are taken in f64. `state`: as in RunOptions. Throws Error for a source without
/// batches, logits other than (N, K), labels other than (N) within [0, K).
[[nodiscard]] EQUIPOISE_API Evaluation evaluate(Session& session, BatchSource& source,
                                                State* state = nullptr,
                                                const ClassifierNames& names = {});

/// Thrown where training came to numbers that are not finite and does not leave them. Going on from
/// a checkpoint leads there again: the same bits do the same.
class EQUIPOISE_API Diverged : public Error {
 public:
  using Error::Error;
};

struct TrainerOptions {
  std::int64_t epochs = 1;
  Schedule schedule = {};
  /// Batches of a step, ≥ 1, whose gradients are averaged over all their samples
  /// (Session::accumulate). The last step of an epoch may have fewer.
  std::int64_t accumulate = 1;
  /// As in StepOptions.
  std::optional<double> clip_norm = std::nullopt;
  /// If the session averages parameters (SessionOptions::ema_decay): of how many samples of each
  /// epoch's data statistics are recomputed for the averages; 0: all. See recalibrate.h.
  std::int64_t recalibration_samples = 0;
  /// As the session's: statistics of frozen normalizations are not recomputed.
  FrozenNorms frozen_norms = FrozenNorms::kRunning;
  /// So many refused steps in a row, or all of an epoch, end the training with Diverged; at
  /// least 1.
  std::int64_t most_refusals = 10;
  ClassifierNames names = {};
};

/// Where a training is, as a value. Together with the entries of `session().state()` it is all that
/// a resumed training needs to go on with the same bits (with the same plan, number of threads and
/// instruction set).
struct TrainerState {
  /// The next batch of the source, with which a step begins; behind the last one of an epoch, what
  /// follows is its evaluation.
  std::int64_t epoch = 0;
  std::int64_t batch = 0;
  /// Steps so far, refused ones too: what the rate is a function of.
  std::int64_t step = 0;
  /// Session::steps: which numbers dropout draws next.
  std::uint64_t session_steps = 0;
  std::int64_t refused = 0;
  std::int64_t refused_in_a_row = 0;
  /// Of the epoch so far, over steps that were not refused: Σ loss·samples, Σ samples; and those
  /// that were.
  double epoch_loss = 0;
  std::int64_t epoch_samples = 0;
  std::int64_t epoch_refused = 0;
  /// The greatest accuracy in validation so far, of equal ones that with the lowest loss, and its
  /// epoch; −1 before the first one.
  double best_accuracy = 0;
  /// In validation, of that epoch.
  double best_loss = 0;
  std::int64_t best_epoch = -1;

  bool operator==(const TrainerState&) const = default;
};

/// Behind each batch of a step, before the step is done. Those behind a refused one are not run,
/// and have no event.
struct BatchEvent {
  std::int64_t samples = 0;
  /// Of this batch. If the step has no other, it says what became of it.
  const StepResult& result;
};

/// Behind a step. `trainer.state()` is already that of the next one.
struct StepEvent {
  std::int64_t epoch = 0;
  /// Of its first batch.
  std::int64_t batch = 0;
  std::int64_t step = 0;
  double rate = 0;
  /// Of all its batches.
  std::int64_t samples = 0;
  /// With several batches without outputs (Session::update).
  const StepResult& result;
  /// Seconds of the step, and of waiting for its batches.
  double seconds = 0;
  double seconds_waited = 0;
};

/// Behind an epoch and its evaluation. `trainer.state()` is already that of the next one.
struct EpochEvent {
  std::int64_t epoch = 0;
  /// The mean over samples of the loss in training; NaN if all steps were refused.
  double loss = 0;
  std::int64_t refused = 0;
  /// Where there is validation data.
  std::optional<Evaluation> validation = std::nullopt;
  /// The same with averaged parameters, where there are some.
  std::optional<Evaluation> averaged = std::nullopt;
  /// Whether the loss is a number, and the accuracy greater than all before, or as great as the
  /// greatest with a lower loss: with averaged parameters, if there are some.
  bool best = false;
  /// Seconds of training and of evaluation.
  double training_seconds = 0;
  double evaluation_seconds = 0;
};

/// Why `Trainer::run` has returned.
enum class Ended : std::uint8_t { kAllEpochs, kStopped };

/// Trains a session's graph. For one thread at a time, but for `stop`.
class EQUIPOISE_API Trainer {
 public:
  /// Throws Error for options out of range.
  explicit Trainer(Session session, TrainerOptions options = {});
  ~Trainer();

  Session& session();
  const TrainerOptions& options() const;

  /// Averaged parameters, with running statistics recomputed for them over that epoch's training
  /// data (recalibrate.h), as of the end of the last epoch that `run` has made; null before, and if
  /// the session does not average.
  [[nodiscard]] const State* averaged() const;

  [[nodiscard]] TrainerState state() const;
  /// Goes on from there; the states of tensors are loaded by the caller. Throws Error for numbers
  /// that are negative or do not fit together.
  void resume(const TrainerState& state);

  /// Called behind each batch, each step that updated, each that was refused, each epoch. What they
  /// throw ends `run`; state() is that behind the step or epoch.
  void on_batch(std::function<void(const BatchEvent&)> call);
  void on_step(std::function<void(const StepEvent&)> call);
  void on_refused(std::function<void(const StepEvent&)> call);
  void on_epoch(std::function<void(const EpochEvent&)> call);

  /// `run` returns behind the step that is running. From any thread, and from signal handlers.
  void stop() noexcept;

  /// From `state()` on to the end of the last epoch. Throws Diverged if `most_refusals` steps in a
  /// row or all of an epoch were refused, with the reason and what to try, Error for a session
  /// without an optimizer, and whatever source and session throw. `state()` is then that behind the
  /// last step that was made.
  Ended run(BatchSource& training, BatchSource* validation = nullptr);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace equipoise
