#include "equipoise/running_statistics.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <utility>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise {
namespace {

// Larger values round to infinity in f32: the threshold is half a unit above the largest finite
// one.
constexpr double kOverflowsF32 = 0x1.ffffffp127;

bool is_finite_in_f32(double value) { return std::abs(value) < kOverflowsF32; }

double variance_of(const Moments& batch, VarianceEstimate estimate) {
  return estimate == VarianceEstimate::kUnbiased ? batch.unbiased_variance() : batch.variance();
}

// Why this entry must not be averaged; empty if it may.
std::string fault_of(const Moments& batch, VarianceEstimate estimate) {
  const double least = estimate == VarianceEstimate::kUnbiased ? 1 : 0;
  if (!std::isfinite(batch.count)) return fmt::format("a total weight of {}", batch.count);
  if (batch.count <= least) {
    return fmt::format("weights that sum to {}, but averaging {} variance needs more than {}",
                       batch.count, least == 1 ? "the unbiased" : "a", least);
  }
  if (!is_finite_in_f32(batch.mean)) return fmt::format("a mean of {}", batch.mean);
  const double variance = variance_of(batch, estimate);
  if (!is_finite_in_f32(variance)) return fmt::format("a variance of {}", variance);
  return {};
}

float average(float running, double value, double weight) {
  // Not 0·running + 1·value: a first value replaces even an infinite one.
  if (weight == 1) return static_cast<float>(value);
  return static_cast<float>((1 - weight) * static_cast<double>(running) + weight * value);
}

void validate(const UpdateRule& rule, const std::string& name) {
  if (!(rule.momentum >= 0 && rule.momentum <= 1)) {
    throw Error(fmt::format(
        "{}: momentum {} is outside [0, 1]; it is the weight of the new value (PyTorch's "
        "0.1 is Keras's 0.9)",
        name, rule.momentum));
  }
  if (rule.window < 1) {
    throw Error(fmt::format("{}: an averaging window of {} batches; it has to be at least 1", name,
                            rule.window));
  }
}

}  // namespace

const char* to_string(Averaging averaging) {
  switch (averaging) {
    case Averaging::kMomentum:
      return "momentum";
    case Averaging::kCumulative:
      return "cumulative";
    case Averaging::kWindowed:
      return "windowed";
  }
  return "unknown averaging";
}

const char* to_string(VarianceEstimate estimate) {
  return estimate == VarianceEstimate::kUnbiased ? "unbiased" : "biased";
}

double new_value_weight(const UpdateRule& rule, std::int64_t num_batches_tracked) {
  const auto tracked = static_cast<double>(num_batches_tracked);
  switch (rule.averaging) {
    case Averaging::kMomentum:
      return rule.momentum;
    case Averaging::kCumulative:
      return 1 / (tracked + 1);
    case Averaging::kWindowed:
      return 1 / (std::min(tracked, static_cast<double>(rule.window)) + 1);
  }
  return rule.momentum;
}

RunningStatistics::RunningStatistics(std::int64_t channels, UpdateRule rule, std::string name)
    : name_(std::move(name)), rule_(rule) {
  if (channels < 1) {
    throw Error(fmt::format("{}: {} channels; there has to be at least 1", name_, channels));
  }
  validate(rule_, name_);
  mean_.resize(static_cast<std::size_t>(channels));
  var_.resize(static_cast<std::size_t>(channels));
  reset();
}

void RunningStatistics::set_rule(UpdateRule rule) {
  validate(rule, name_);
  rule_ = rule;
}

void RunningStatistics::reset() {
  ++revision_;
  std::ranges::fill(mean_, 0.0F);
  std::ranges::fill(var_, 1.0F);
  num_batches_tracked_ = 0;
  staged_.clear();
}

void RunningStatistics::stage(std::span<const Moments> batches) {
  if (batches.empty() || batches.size() % mean_.size() != 0) {
    throw Error(fmt::format(
        "{}: {} moments were staged for {} channels; give one per channel, or a multiple "
        "for ghost batches",
        name_, batches.size(), channels()));
  }
  staged_.insert(staged_.end(), batches.begin(), batches.end());
}

std::optional<std::string> RunningStatistics::refusal() const {
  if (num_batches_tracked_ < 0) {
    return fmt::format("{}: num_batches_tracked is {}; it counts batches and cannot be negative",
                       name_, num_batches_tracked_);
  }
  for (std::size_t i = 0; i < staged_.size(); ++i) {
    const std::string fault = fault_of(staged_[i], rule_.variance);
    if (fault.empty()) continue;
    return fmt::format("{}: the statistics of batch {} of {} are refused: channel {} has {}", name_,
                       i / mean_.size() + 1, staged(), i % mean_.size(), fault);
  }
  return std::nullopt;
}

void RunningStatistics::require_committable() const {
  if (staged_.empty()) {
    throw Error(
        fmt::format("{}: commit without statistics; run a forward that stages them (or call stage) "
                    "first",
                    name_));
  }
  if (const auto reason = refusal()) {
    throw Error(*reason + "; nothing was changed, discard what is staged and skip the step");
  }
}

void RunningStatistics::apply_staged() {
  ++revision_;
  for (std::size_t first = 0; first < staged_.size(); first += mean_.size()) {
    const double weight = new_value_weight(rule_, num_batches_tracked_);
    for (std::size_t c = 0; c < mean_.size(); ++c) {
      const Moments& batch = staged_[first + c];
      mean_[c] = average(mean_[c], batch.mean, weight);
      var_[c] = average(var_[c], variance_of(batch, rule_.variance), weight);
    }
    if (num_batches_tracked_ < std::numeric_limits<std::int64_t>::max()) ++num_batches_tracked_;
  }
  staged_.clear();
}

void RunningStatistics::commit() {
  require_committable();
  apply_staged();
}

void commit_together(std::span<RunningStatistics* const> all) {
  for (auto it = all.begin(); it != all.end(); ++it) {
    if (*it == nullptr) {
      throw Error(fmt::format("commit_together: running statistics {} of {} are null",
                              it - all.begin() + 1, all.size()));
    }
    if (std::find(all.begin(), it, *it) != it) {
      throw Error(fmt::format("commit_together: '{}' is listed twice", (*it)->name()));
    }
    (*it)->require_committable();
  }
  for (RunningStatistics* statistics : all) statistics->apply_staged();
}

}  // namespace equipoise
