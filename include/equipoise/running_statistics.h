#pragma once

/// The running averages of batch normalization, as a transaction: a step stages statistics, and
/// they are committed when the caller is sure of the step, or discarded.

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/norm.h"

namespace equipoise {

/// How the weight of a new value is chosen; t is the number of batches that were averaged before
/// it.
enum class Averaging : std::uint8_t {
  kMomentum,    ///< momentum, the same for each: an exponential average
  kCumulative,  ///< 1/(t + 1): the mean of all batches (PyTorch's `momentum=None`)
  kWindowed,    ///< 1/(min(t, window) + 1): cumulative at first, exponential from then on (dlib)
};

[[nodiscard]] EQUIPOISE_API const char* to_string(Averaging averaging);

/// Which variance of a batch of total weight W is averaged.
enum class VarianceEstimate : std::uint8_t {
  kUnbiased,  ///< M2/(W − 1), as PyTorch, dlib
  kBiased,    ///< M2/W, as Keras, Flax, ONNX
};

[[nodiscard]] EQUIPOISE_API const char* to_string(VarianceEstimate estimate);

/// running ← (1 − α)·running + α·new, for the mean and the variance of each channel.
struct UpdateRule {
  /// α of kMomentum, in [0, 1]: the weight of the *new* value, as in PyTorch. Keras, Flax and ONNX
  /// give that of the old one: see conventions.h.
  double momentum = 0.1;
  Averaging averaging = Averaging::kMomentum;
  /// Of kWindowed, ≥ 1.
  std::int64_t window = 100;
  VarianceEstimate variance = VarianceEstimate::kUnbiased;

  bool operator==(const UpdateRule&) const = default;
};

/// α of the next update, after `num_batches_tracked` ≥ 0 of them.
[[nodiscard]] EQUIPOISE_API double new_value_weight(const UpdateRule& rule,
                                                    std::int64_t num_batches_tracked);

/// Running mean and variance of each channel (f32), initially 0 and 1, and how many batches they
/// have seen.
///
/// `stage` appends statistics of batches to an ordered list and changes nothing else; `commit`
/// applies the list in that order, once, and empties it; `discard` empties it. So a skipped step or
/// a batch with a NaN leaves no trace. A recomputed forward (activation checkpointing) would stage
/// its batch a second time: run it with the update switched off. Every update is computed in f64
/// and rounded to f32 once: committing three batches together or one after the other gives the same
/// bits.
///
/// A list is *refused* as a whole, and commit throws, if in any of its entries
/// - a mean or a variance is not finite in f32, or a sum of weights not finite,
/// - the weights have a sum W ≤ 1 while unbiased variances are averaged, M2/(W − 1),
/// - the weights have a sum W ≤ 0 while biased variances are averaged, M2/W.
///
/// Thread safety: one thread at a time, unless all of them only call const members.
class EQUIPOISE_API RunningStatistics {
 public:
  /// `name` is what errors call it, such as "layer1.0.bn1". Throws Error if channels < 1, or for a
  /// momentum outside [0, 1] or a window < 1.
  explicit RunningStatistics(std::int64_t channels, UpdateRule rule = {},
                             std::string name = "running statistics");

  const std::string& name() const { return name_; }
  std::int64_t channels() const { return static_cast<std::int64_t>(mean_.size()); }

  const UpdateRule& rule() const { return rule_; }
  /// Holds for whatever is committed from now on. Throws Error as the constructor does.
  void set_rule(UpdateRule rule);

  std::span<const float> mean() const { return mean_; }
  std::span<const float> var() const { return var_; }
  /// By reference, for views to read from.
  const std::int64_t& num_batches_tracked() const { return num_batches_tracked_; }

  /// For readers of checkpoints. What is staged stays staged. Call them anew for each change:
  /// whoever keeps results of these values looks at `revision`.
  std::span<float> mutable_mean() {
    ++revision_;
    return mean_;
  }
  std::span<float> mutable_var() {
    ++revision_;
    return var_;
  }
  std::span<std::int64_t, 1> mutable_num_batches_tracked() {
    return std::span<std::int64_t, 1>(&num_batches_tracked_, 1);
  }
  /// Grows with each call that may have changed mean or var.
  [[nodiscard]] std::uint64_t revision() const { return revision_; }
  /// As constructed: mean 0, variance 1, no batches, nothing staged.
  void reset();

  /// Appends the statistics of one or more batches: entry b·channels + c is channel c of the b-th.
  /// Several in one call are ghost batches; several calls before a commit are micro-batches, or a
  /// layer used twice. Throws Error unless their number is a positive multiple of the channels.
  void stage(std::span<const Moments> batches);

  /// Batches staged since the last commit or discard.
  [[nodiscard]] std::int64_t staged() const {
    return static_cast<std::int64_t>(staged_.size()) / channels();
  }

  /// Why a commit would refuse what is staged, with the name of this object, the batch, the channel
  /// and the value; nothing if it would not, or if nothing is staged (see `staged`). For the gate
  /// that decides on a training step.
  [[nodiscard]] std::optional<std::string> refusal() const;

  /// Applies what is staged; each batch counts in num_batches_tracked, as far as that can count.
  /// Throws Error if nothing is staged, or with the text of `refusal()` and advice; then nothing
  /// has changed and the list is still there.
  void commit();

  /// Forgets what is staged. Never an error.
  void discard() { staged_.clear(); }

  /// Forgets what was staged behind the first `batches` ≥ 0, such as by a run that failed. Nothing
  /// if there are no more than that.
  void discard_behind(std::int64_t batches) {
    if (batches < staged()) staged_.resize(static_cast<std::size_t>(batches * channels()));
  }

 private:
  friend EQUIPOISE_API void commit_together(std::span<RunningStatistics* const> all);

  void require_committable() const;
  void apply_staged();

  std::string name_;
  UpdateRule rule_;
  std::vector<float> mean_;
  std::vector<float> var_;
  std::int64_t num_batches_tracked_ = 0;
  std::uint64_t revision_ = 0;
  std::vector<Moments> staged_;
};

/// Commits all of them, or, if one would throw, none: then throws Error with what that one has to
/// say. Leave out those with nothing staged, as of a layer in evaluation. Also throws if one is
/// null or listed twice.
///
///     commit_together(std::array{&bn1.running_statistics(), &bn2.running_statistics()});
EQUIPOISE_API void commit_together(std::span<RunningStatistics* const> all);

}  // namespace equipoise
