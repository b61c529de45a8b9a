#include "equipoise/session.h"

#include <cmath>
#include <map>
#include <mutex>
#include <tuple>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/random.h"
#include "engine/compile.h"
#include "engine/context.h"
#include "engine/execute.h"
#include "engine/inputs.h"
#include "engine/onednn/threads.h"
#include "engine/passes/pass.h"
#include "engine/report.h"
#include "equipoise/error.h"
#include "equipoise/runtime.h"

namespace equipoise {

using engine::BoundPlan;
using engine::NormsAre;
using engine::Plan;

const char* to_string(Mode mode) { return mode == Mode::kTraining ? "training" : "inference"; }

struct Session::Parts {
  Graph graph;
  SessionOptions options;
  State state;
  Context context;
  std::uint64_t steps = 0;
  std::mutex turn;
  engine::Homes homes;
  std::map<std::tuple<Mode, NormsAre, std::int64_t, int>, std::shared_ptr<const Plan>> plans;

  Parts(Graph g, SessionOptions o)
      : graph(std::move(g)), options(std::move(o)), state(graph, options.seed) {
    if (options.optimizer) state.extend(engine::with_optimizer_buffers(graph, *options.optimizer));
  }

  const std::shared_ptr<const Plan>& plan(Mode mode, std::int64_t batch, int threads,
                                          NormsAre norms_are = NormsAre::kFolded) {
    std::shared_ptr<const Plan>& plan = plans[{mode, norms_are, batch, threads}];
    if (!plan) {
      plan = engine::compile(graph, mode, batch, threads, options, homes, norms_are);
      homes = plan->homes;
    }
    return plan;
  }
};

namespace {

/// Of the next run; null: nobody wants to know.
void set_times(BoundPlan& bound, std::vector<double>* times) {
  if (times != nullptr) times->assign(bound.plan->steps.size(), 0);
  bound.milliseconds = times == nullptr ? nullptr : times->data();
}

float checked_rate(const StepOptions& step, const SessionOptions& session) {
  if (!session.optimizer) return 0;
  if (!step.rate) throw Error("train: the learning rate is missing; set StepOptions::rate");
  if (!std::isfinite(*step.rate) || *step.rate < 0) {
    throw Error(fmt::format("train: the learning rate is {}; it has to be finite and at least 0",
                            *step.rate));
  }
  return *step.rate;
}

}  // namespace

Session::Session(Graph graph, SessionOptions options) {
  graph.verify();
  engine::check_options(graph, options);
  parts_ = std::make_unique<Parts>(std::move(graph), std::move(options));
}
Session::~Session() = default;
Session::Session(Session&&) noexcept = default;
Session& Session::operator=(Session&&) noexcept = default;

State& Session::state() { return parts_->state; }
const State& Session::state() const { return parts_->state; }
const Graph& Session::graph() const { return parts_->graph; }
Context& Session::context() { return parts_->context; }

/// Results of what the first `steps` steps have computed.
Results Session::collect(BoundPlan& bound, std::size_t steps) {
  const Plan& plan = *bound.plan;
  engine::ResultTable& table = bound.results;
  table.tensors.clear();
  table.moments.clear();
  for (const Plan::Output& output : plan.outputs) {
    const TensorInfo& info = plan.graph.tensor(output.tensor);
    if (info.producer && static_cast<std::size_t>(info.producer.index) >= steps) continue;
    table.tensors.push_back(
        {output.name,
         {.data = bound.pointer(output.tensor),
          .shape = plan.tensors[static_cast<std::size_t>(output.tensor.index)].shape,
          .dtype = info.type.dtype}});
  }
  for (std::size_t n = 0; n < plan.norms.size(); ++n) {
    const engine::NormSlot& slot = bound.run.norms[n];
    if (slot.has_moments) {
      table.moments.emplace_back(plan.norms[n].node, slot.record.moments());
    }
  }
  Results results;
  results.table_ = &table;
  return results;
}

Results Session::run(Inputs inputs, const RunOptions& options) {
  const std::int64_t batch = engine::check_inputs(parts_->graph, inputs);
  const std::lock_guard lock(parts_->turn);
  const engine::OneDnnThreads threads(num_threads());
  Context& context = options.context != nullptr ? *options.context : parts_->context;
  State& state = options.state != nullptr ? *options.state : parts_->state;
  const auto bound_with = [&](NormsAre norms_are) -> BoundPlan& {
    const auto& plan = parts_->plan(Mode::kInference, batch, threads.count(), norms_are);
    BoundPlan& bound = context.memory_->bind(plan, state);
    bound.run.communicator = parts_->options.communicator;
    set_times(bound, options.step_times);
    engine::set_inputs(bound, inputs, nullptr);
    engine::prepare(bound);
    return bound;
  };
  const bool is_set = !context.memory_->settings.empty();
  BoundPlan* chosen = &bound_with(is_set ? NormsAre::kSwitchable : NormsAre::kFolded);
  // oneDNN's ReLU makes 0 of NaN; who has a poisoned state is to see it.
  if (!chosen->finite && !is_set) chosen = &bound_with(NormsAre::kSwitchable);
  BoundPlan& bound = *chosen;
  const Plan& plan = *bound.plan;
  const std::size_t steps =
      options.until.empty() ? plan.steps.size() : engine::end_of(plan, options.until);
  engine::execute(bound, plan.prepared_steps, steps);
  return collect(bound, steps);
}

StepResult Session::train(Inputs inputs, const StepOptions& options) {
  const std::int64_t batch = engine::check_inputs(parts_->graph, inputs);
  const float rate = checked_rate(options, parts_->options);
  const std::lock_guard lock(parts_->turn);
  const engine::OneDnnThreads threads(num_threads());
  const auto& plan = parts_->plan(Mode::kTraining, batch, threads.count());
  BoundPlan& bound = parts_->context.memory_->bind(plan, parts_->state);
  bound.run.communicator = parts_->options.communicator;
  bound.run.random_key = step_key(parts_->options.seed, parts_->steps + 1);
  engine::require_nothing_staged(bound);
  set_times(bound, options.step_times);
  engine::set_inputs(bound, inputs, &rate);

  const auto gate = static_cast<std::size_t>(plan->gate_step) + 1;
  engine::execute(bound, 0, gate);
  StepResult result;
  result.loss = static_cast<double>(*static_cast<const float*>(bound.pointer(plan->loss)));
  result.gradient_norm =
      static_cast<double>(*static_cast<const float*>(bound.pointer(plan->gradient_norm)));
  result.refusal = engine::refusal(bound);
  // Behind the gate is nothing but updates: the optimizer's and the model's own.
  const bool updates = parts_->options.optimizer || gate < plan->steps.size();
  result.updated = result.refusal.empty() && updates;
  if (result.updated) {
    engine::execute(bound, gate, plan->steps.size());
    engine::commit_staged(bound);
  } else {
    engine::discard_staged(bound);
  }
  ++parts_->steps;
  result.results = collect(bound, plan->steps.size());
  return result;
}

std::uint64_t Session::steps() const { return parts_->steps; }
void Session::set_steps(std::uint64_t steps) { parts_->steps = steps; }

PlanReport Session::report(Mode mode, std::int64_t batch) {
  const std::lock_guard lock(parts_->turn);
  const engine::OneDnnThreads threads(num_threads());
  return engine::report(*parts_->plan(mode, batch, threads.count()));
}

std::string Session::explain(Mode mode, std::int64_t batch) {
  return to_string(report(mode, batch));
}

std::size_t Session::memory(Mode mode, std::int64_t batch) {
  const std::lock_guard lock(parts_->turn);
  const engine::OneDnnThreads threads(num_threads());
  return parts_->plan(mode, batch, threads.count())->arena_bytes;
}

ConstTensorView Results::view(std::string_view name) const {
  static const engine::ResultTable none;
  const engine::ResultTable& table = table_ != nullptr ? *table_ : none;
  for (const auto& [found, view] : table.tensors) {
    if (found == name) return view;
  }
  std::vector<std::string_view> names;
  for (const auto& [found, view] : table.tensors) names.push_back(found);
  throw Error(fmt::format("the run has no result '{}'; it has {}", name, fmt::join(names, ", ")));
}

std::span<const float> Results::values(std::string_view name) const {
  const ConstTensorView found = view(name);
  if (found.dtype != DType::kF32) {
    throw Error(
        fmt::format("the result '{}' is {}, not f32; take its view", name, to_string(found.dtype)));
  }
  return {static_cast<const float*>(found.data),
          static_cast<std::size_t>(found.shape.element_count())};
}

std::span<const Moments> Results::moments(std::string_view node) const {
  if (table_ == nullptr) return {};
  for (const auto& [name, moments] : table_->moments) {
    if (name == node) return moments;
  }
  return {};
}

}  // namespace equipoise
