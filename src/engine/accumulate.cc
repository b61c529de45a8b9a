/// Several batches that make one update.

#include <limits>
#include <memory>
#include <mutex>

#include "engine/execute.h"
#include "engine/onednn/threads.h"
#include "engine/session_parts.h"
#include "equipoise/runtime.h"

namespace equipoise {

using engine::Accumulated;
using engine::BoundPlan;
using engine::NormsAre;
using engine::UpdatesBy;

void Session::Parts::forget_accumulated() {
  if (!accumulated.empty()) engine::discard_all_staged(bind(accumulated.plan, {}));
  accumulated = {};
}

StepResult Session::accumulate(Inputs inputs) {
  const std::lock_guard lock(parts_->turn);
  // Of one rank: nothing has happened yet. Several forget together.
  if (!parts_->ranks) static_cast<void>(engine::check_inputs(parts_->graph, inputs));
  try {
    return parts_->on_all_ranks([&] { return accumulate_alone(inputs); });
  } catch (...) {
    parts_->forget_accumulated();
    throw;
  }
}

/// That of this rank.
StepResult Session::accumulate_alone(Inputs inputs) {
  const std::int64_t batch = engine::check_inputs(parts_->graph, inputs);
  const engine::OneDnnThreads threads(num_threads());
  Accumulated& all = parts_->accumulated;
  if (!all.refusal.empty()) {
    return {.loss = std::numeric_limits<double>::quiet_NaN(),
            .refusal = all.refusal,
            .first_non_finite = all.first_non_finite,
            .results = {}};
  }
  const auto plan = parts_->plan(Mode::kTraining, batch, threads.count(), NormsAre::kFolded,
                                 UpdatesBy::kMeanGradients);
  BoundPlan& bound = parts_->bind(plan, {});
  if (all.empty()) engine::require_nothing_staged(bound);
  const auto samples = static_cast<double>(batch);
  const engine::UpdateNumbers numbers{
      .share = static_cast<float>(samples / (samples + static_cast<double>(all.samples)))};
  engine::set_inputs(bound, inputs, &numbers);
  StepResult result = parts_->run_to_gate(bound);
  all.plan = plan;
  all.samples += batch;
  all.loss += result.loss * samples;
  all.gradient_norm = result.gradient_norm;
  all.refusal = result.refusal;
  all.first_non_finite = result.first_non_finite;
  result.results = collect(bound, bound.plan->steps.size());
  return result;
}

StepResult Session::update(const StepOptions& options) {
  engine::UpdateNumbers numbers = parts_->numbers(options);
  const std::lock_guard lock(parts_->turn);
  const engine::OneDnnThreads threads(num_threads());
  const Accumulated all = parts_->accumulated;
  if (all.empty()) throw Error("update: no gradients were accumulated");
  StepResult result{.loss = all.loss / static_cast<double>(all.samples),
                    .gradient_norm = all.gradient_norm,
                    .refusal = all.refusal,
                    .first_non_finite = all.first_non_finite,
                    .results = {}};
  if (result.refusal.empty()) {
    BoundPlan& bound = parts_->bind(all.plan, options);
    numbers.scale = engine::scale_of(options.clip_norm, result.gradient_norm);
    engine::set_numbers(bound, numbers);
    result.updated = parts_->update(bound, numbers);
  }
  parts_->forget_accumulated();
  return result;
}

void Session::discard_accumulated() {
  const std::lock_guard lock(parts_->turn);
  parts_->forget_accumulated();
}

}  // namespace equipoise
