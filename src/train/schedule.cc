#include "train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

#include <fmt/format.h>

#include "equipoise/error.h"

namespace equipoise {
namespace {

/// Rates, and what they are multiplied by.
void require_rate(double value, const char* name) {
  if (std::isfinite(value) && value >= 0) return;
  throw Error(fmt::format("schedule: {} is {}; it has to be finite and at least 0", name, value));
}

}  // namespace

void train::check(const Schedule& schedule) {
  require_rate(schedule.rate, "rate");
  require_rate(schedule.final_rate, "final_rate");
  require_rate(schedule.factor, "factor");
  if (schedule.warmup_steps < 0) {
    throw Error(fmt::format("schedule: warmup_steps is {}", schedule.warmup_steps));
  }
  if (schedule.decay == Decay::kCosine && schedule.steps != 0 &&
      schedule.steps <= schedule.warmup_steps) {
    throw Error(fmt::format("schedule: warm-up takes {} steps of {}; shorten it, or train longer",
                            schedule.warmup_steps, schedule.steps));
  }
  if (!std::ranges::is_sorted(schedule.milestones)) {
    throw Error("schedule: milestones have to be in ascending order");
  }
}

double rate_at(const Schedule& schedule, std::int64_t step) {
  train::check(schedule);
  const std::int64_t warmup = schedule.warmup_steps;
  if (step < warmup) {
    return schedule.rate * static_cast<double>(step + 1) / static_cast<double>(warmup + 1);
  }
  switch (schedule.decay) {
    case Decay::kConstant:
      return schedule.rate;
    case Decay::kStep: {
      const auto passed = std::ranges::upper_bound(schedule.milestones, step);
      return schedule.rate *
             std::pow(schedule.factor, static_cast<double>(passed - schedule.milestones.begin()));
    }
    case Decay::kCosine: {
      if (step >= schedule.steps) return schedule.final_rate;
      const double done =
          static_cast<double>(step - warmup) / static_cast<double>(schedule.steps - warmup);
      return schedule.final_rate +
             (schedule.rate - schedule.final_rate) * (1 + std::cos(std::numbers::pi * done)) / 2;
    }
  }
  return schedule.rate;
}

}  // namespace equipoise
