#include <cmath>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/layers.h"
#include "norm/layers/checks.h"

namespace equipoise {
namespace {

void require_renorm(const std::string& name, const std::optional<Renorm>& renorm) {
  if (!renorm) return;
  const auto [r_max, d_max] = *renorm;
  if (!(r_max >= 1 && d_max >= 0) || !std::isfinite(r_max) || !std::isfinite(d_max)) {
    throw Error(fmt::format(
        "{}: renorm with r_max {}, d_max {}; they have to be finite, at least 1 and at least 0 (1 "
        "and 0 are plain batch normalization)",
        name, r_max, d_max));
  }
}

void validate(const BatchNormConfig& config) {
  if (!(config.pseudo_count > 0) || !std::isfinite(config.pseudo_count)) {
    throw Error(
        fmt::format("{}: pseudo_count {}; blended statistics need a positive, finite number of "
                    "samples, such as 16",
                    config.name, config.pseudo_count));
  }
  if (config.ghost_batch_size < 0) {
    throw Error(
        fmt::format("{}: ghost_batch_size {}; give a number of samples, or 0 for the whole batch",
                    config.name, config.ghost_batch_size));
  }
  if (config.ghost_batch_size > 0 && config.communicator != nullptr) {
    throw Error(fmt::format(
        "{}: ghost batches split the statistics that a communicator merges; choose one of them",
        config.name));
  }
  require_renorm(config.name, config.renorm);
}

UpdateRule rule_of(const BatchNormConfig& config) {
  return {.momentum = config.momentum,
          .averaging = config.averaging,
          .window = config.window,
          .variance = config.variance};
}

}  // namespace

BatchNorm::BatchNorm(const BatchNormConfig& config)
    : NormLayer(config, norm::require_channels(config.name, config.channels)),
      running_(config.channels, rule_of(config), config.name),
      pseudo_count_(config.pseudo_count),
      ghost_batch_size_(config.ghost_batch_size),
      renorm_(config.renorm),
      communicator_(config.communicator) {
  validate(config);
}

void BatchNorm::set_renorm(const std::optional<Renorm>& renorm) {
  require_renorm(name(), renorm);
  renorm_ = renorm;
}

BatchNormSwitches BatchNorm::switches() const {
  return {.statistics = statistics_,
          .running_update = running_update_,
          .affine = affine(),
          .averaging = running_.rule().averaging};
}

void BatchNorm::set_switches(const BatchNormSwitches& switches) {
  statistics_ = switches.statistics.value_or(statistics_);
  running_update_ = switches.running_update.value_or(running_update_);
  set_affine(switches.affine.value_or(affine()));
  UpdateRule rule = running_.rule();
  rule.averaging = switches.averaging.value_or(rule.averaging);
  running_.set_rule(rule);
}

void BatchNorm::train() {
  statistics_ = Statistics::kBatch;
  running_update_ = RunningUpdate::kStage;
}

void BatchNorm::eval() {
  statistics_ = Statistics::kRunning;
  running_update_ = RunningUpdate::kOff;
}

void BatchNorm::check(const ConstTensorView& x) const {
  norm::require_channels(name(), channels(), x);
}

void BatchNorm::normalize(const NormForward& arguments, bool collect_moments, NormRecord& record) {
  const bool stages = running_update_ == RunningUpdate::kStage;
  const bool running = statistics_ == Statistics::kRunning;
  const bool needs_moments = stages || collect_moments || !running;
  const BatchNormOptions options{
      .statistics = statistics_,
      .running_mean = running_.mean(),
      .running_var = running_.var(),
      .pseudo_count = pseudo_count_,
      .ghost_batch_size = needs_moments ? ghost_batch_size_ : 0,
      .renorm = statistics_ == Statistics::kBatch ? renorm_ : std::nullopt,
      .communicator = needs_moments ? communicator_ : nullptr,
      .collect_moments = needs_moments && running,
  };
  batch_norm(arguments, options, &record);
  if (stages) running_.stage(record.moments());
}

void BatchNorm::state_loaded() { running_.discard(); }

void BatchNorm::append_state(std::vector<StateView>& state) {
  state.push_back({.name = "running_mean", .values = running_.mutable_mean()});
  state.push_back({.name = "running_var", .values = running_.mutable_var()});
  state.push_back({.name = "num_batches_tracked",
                   .values = std::span<std::int64_t>(running_.mutable_num_batches_tracked())});
}

void BatchNorm::append_state(std::vector<ConstStateView>& state) const {
  state.push_back({.name = "running_mean", .values = running_.mean()});
  state.push_back({.name = "running_var", .values = running_.var()});
  state.push_back({.name = "num_batches_tracked",
                   .values = std::span<const std::int64_t>(&running_.num_batches_tracked(), 1)});
}

}  // namespace equipoise
