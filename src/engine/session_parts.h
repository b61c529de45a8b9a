#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <fmt/format.h>

#include "engine/compile.h"
#include "engine/context.h"
#include "engine/inputs.h"
#include "engine/memory_need.h"
#include "engine/passes/pass.h"
#include "engine/plan_cache.h"
#include "engine/ranks.h"
#include "engine/state.h"
#include "equipoise/error.h"
#include "equipoise/session.h"

namespace equipoise {
namespace engine {

/// The batches since the last update.
struct Accumulated {
  /// Of the last of them; null: there are none.
  std::shared_ptr<const Plan> plan = nullptr;
  std::int64_t samples = 0;
  /// Σ loss·samples
  double loss = 0;
  /// Of the mean gradients.
  double gradient_norm = 0;
  /// Of the one that was refused, and with it all.
  std::string refusal = {};
  std::string first_non_finite = {};

  bool empty() const { return plan == nullptr; }
};

/// What gradients of this norm are multiplied with: min(1, clip_norm/(norm + 1e-6)).
float scale_of(const std::optional<float>& clip_norm, double gradient_norm);

}  // namespace engine

/// What a session holds, behind its public face.
struct Session::Parts {
  Graph graph;
  SessionOptions options;
  State state;
  Context context;
  std::uint64_t steps = 0;
  std::mutex turn;
  engine::Homes homes;
  std::optional<engine::Ranks> ranks;
  engine::PlanCache plans;
  /// Made when first needed.
  std::unique_ptr<State> mean_gradients;
  engine::Accumulated accumulated;

  Parts(Graph g, SessionOptions o)
      : graph(std::move(g)),
        options(std::move(o)),
        state(graph, options.seed),
        plans(static_cast<std::size_t>(options.plans)) {
    if (options.optimizer) state.extend(engine::with_update_buffers(graph, options));
    if (options.communicator != nullptr) ranks.emplace(*options.communicator);
  }

  /// Of the next update, but for the scale. Throws Error for options out of range.
  engine::UpdateNumbers numbers(const StepOptions& step) const;

  std::shared_ptr<const engine::Plan> plan(
      Mode mode, std::int64_t batch, int threads,
      engine::NormsAre norms_are = engine::NormsAre::kFolded,
      engine::UpdatesBy updates_by = engine::UpdatesBy::kGradients) {
    if (updates_by == engine::UpdatesBy::kMeanGradients && !mean_gradients) {
      mean_gradients = std::make_unique<State>(engine::mean_gradients_of(graph));
    }
    const auto make = [&]() -> std::shared_ptr<const engine::Plan> {
      auto plan =
          engine::compile(graph, mode, batch, threads, options, homes, norms_are, updates_by);
      engine::require_memory(*plan, context.memory_->need(*plan, &state, mean_gradients.get()));
      homes = plan->homes;
      return plan;
    };
    // By reference: a function that holds this much itself allocates in every step.
    return plans.get({mode, norms_are, updates_by, batch, threads}, std::ref(make));
  }

  engine::BoundPlan& bind(const std::shared_ptr<const engine::Plan>& plan, const StepOptions& step);
  /// Forward, backward, and whether the gate opens. If not, what the step has staged is discarded.
  StepResult run_to_gate(engine::BoundPlan& bound);
  /// What is behind the gate; false if there is nothing.
  bool update(engine::BoundPlan& bound, const engine::UpdateNumbers& numbers);
  void forget_accumulated();

  /// A step in which ranks meet: if it throws on one of them, it throws on all.
  template <class Step>
  StepResult on_all_ranks(const Step& step);
};

template <class Step>
StepResult Session::Parts::on_all_ranks(const Step& step) {
  if (!ranks) return step();
  ranks->begin_step();
  try {
    return step();
  } catch (const std::exception& error) {
    if (!ranks->failure().empty()) {
      throw Error(
          fmt::format("training: this step has changed nothing, since another rank has "
                      "failed: {}",
                      ranks->failure()));
    }
    ranks->fail(error.what());
    throw;
  }
}

}  // namespace equipoise
