#include "equipoise/session.h"

#include <algorithm>
#include <cmath>
#include <mutex>
#include <optional>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "base/random.h"
#include "engine/execute.h"
#include "engine/finite.h"
#include "engine/onednn/threads.h"
#include "engine/report.h"
#include "engine/sample_rows.h"
#include "engine/session_parts.h"
#include "equipoise/error.h"
#include "equipoise/runtime.h"

namespace equipoise {

using engine::BoundPlan;
using engine::NormsAre;
using engine::Plan;

const char* to_string(Mode mode) { return mode == Mode::kTraining ? "training" : "inference"; }
const char* to_string(MemoryMode memory) {
  return memory == MemoryMode::kLean ? "lean" : "default";
}

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

/// The same on all ranks, if one of them objects.
std::string refusal_of_all(BoundPlan& bound, engine::Ranks& ranks) {
  try {
    return ranks.agree(engine::refusal(bound));
  } catch (...) {
    engine::discard_staged(bound);
    throw;
  }
}

void check_clip_norm(const std::optional<float>& clip_norm) {
  if (!clip_norm || (std::isfinite(*clip_norm) && *clip_norm > 0)) return;
  throw Error(
      fmt::format("train: clip_norm is {}; it has to be finite and greater than 0", *clip_norm));
}

std::span<const Moments> of_node(const engine::MomentsByNode& all, std::string_view node) {
  const auto found = std::ranges::find(all, node, &engine::MomentsByNode::value_type::first);
  return found == all.end() ? std::span<const Moments>() : found->second;
}

/// Of the parameters behind the update of this number: (1 − d)/(1 − d^t), 1 at first.
float ema_weight(double decay, float count) {
  return static_cast<float>((1 - decay) / (1 - std::pow(decay, static_cast<double>(count))));
}

}  // namespace

float engine::scale_of(const std::optional<float>& clip_norm, double gradient_norm) {
  if (!clip_norm) return 1;
  constexpr double kEpsilon = 1e-6;  // PyTorch's
  return static_cast<float>(
      std::min(1.0, static_cast<double>(*clip_norm) / (gradient_norm + kEpsilon)));
}

engine::UpdateNumbers Session::Parts::numbers(const StepOptions& step) const {
  check_clip_norm(step.clip_norm);
  engine::UpdateNumbers numbers{.rate = checked_rate(step, options)};
  if (!engine::counts_updates(options)) return numbers;
  numbers.count = state.values(engine::kUpdateCount)[0] + 1;
  if (options.ema_decay) numbers.ema_weight = ema_weight(*options.ema_decay, numbers.count);
  return numbers;
}

BoundPlan& Session::Parts::bind(const std::shared_ptr<const Plan>& plan, const StepOptions& step) {
  BoundPlan& bound = context.memory_->bind(plan, state, mean_gradients.get());
  bound.run.communicator = ranks ? &*ranks : nullptr;
  set_times(bound, step.step_times);
  return bound;
}

StepResult Session::Parts::run_to_gate(BoundPlan& bound) {
  const Plan& plan = *bound.plan;
  bound.run.random_key = step_key(options.seed, steps + 1);
  engine::execute(bound, 0, static_cast<std::size_t>(plan.gate_step) + 1);
  StepResult result;
  result.loss = static_cast<double>(*static_cast<const float*>(bound.pointer(plan.loss)));
  result.gradient_norm =
      static_cast<double>(*static_cast<const float*>(bound.pointer(plan.gradient_norm)));
  result.refusal = ranks ? refusal_of_all(bound, *ranks) : engine::refusal(bound);
  if (!result.refusal.empty()) {
    engine::discard_staged(bound);
    const engine::NonFinite first = engine::find_non_finite(bound);
    result.first_non_finite = first.name;
    if (!first.text.empty() && first.text != result.refusal) {
      result.refusal += fmt::format("; first, {}", first.text);
    }
  }
  ++steps;
  return result;
}

bool Session::Parts::update(BoundPlan& bound, const engine::UpdateNumbers& numbers) {
  const Plan& plan = *bound.plan;
  const auto gate = static_cast<std::size_t>(plan.gate_step) + 1;
  // Behind the gate is nothing but updates: the optimizer's and the model's own.
  if (!options.optimizer && gate == plan.steps.size()) {
    engine::discard_staged(bound);
    return false;
  }
  engine::execute(bound, gate, plan.steps.size());
  engine::commit_staged(bound);
  if (!plan.count_input.empty()) state.values(engine::kUpdateCount)[0] = numbers.count;
  return true;
}

Session::Session(Graph graph, SessionOptions options) {
  graph.verify();
  engine::check_options(graph, options);
  engine::require_memory(options.optimizer ? engine::with_update_buffers(graph, options) : graph,
                         nullptr);
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
  table.sample_moments.clear();
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
    table.moments.emplace_back(plan.norms[n].node, slot.moments);
    table.sample_moments.emplace_back(plan.norms[n].node, slot.sample_moments);
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
  const auto plan_with = [&](NormsAre norms_are) {
    return parts_->plan(Mode::kInference, batch, threads.count(), norms_are);
  };
  const auto bind = [&](const std::shared_ptr<const Plan>& plan) -> BoundPlan& {
    BoundPlan& bound = context.memory_->bind(plan, state);
    bound.run.communicator = parts_->options.communicator;
    set_times(bound, options.step_times);
    engine::set_inputs(bound, inputs, nullptr);
    engine::prepare(bound);
    return bound;
  };
  // oneDNN's ReLU makes 0 of NaN; who has a poisoned state or input is to see it.
  const bool is_set = !context.memory_->settings.empty();
  std::vector<std::int64_t> poisoned;
  if (!is_set) {
    poisoned = engine::non_finite_samples(parts_->graph, inputs, batch, threads.count());
  }
  bool folds = !is_set && static_cast<std::int64_t>(poisoned.size()) < batch;
  BoundPlan* bound = &bind(plan_with(folds ? NormsAre::kFolded : NormsAre::kSwitchable));
  if (folds) {
    folds = bound->finite && (poisoned.empty() || !engine::mixes_samples(*bound->plan));
    if (!folds) bound = &bind(plan_with(NormsAre::kSwitchable));
  }
  // Held, since a session that keeps one plan alone lets go of it for the other.
  const std::shared_ptr<const Plan> plan = bound->plan;
  const std::size_t steps =
      options.until.empty() ? plan->steps.size() : engine::end_of(*plan, options.until);
  std::optional<engine::SampleRows> unfolded;
  if (folds && !poisoned.empty()) {
    unfolded.emplace(*plan, steps, poisoned);
    unfolded->compute(bind(plan_with(NormsAre::kSwitchable)));
    bound = &bind(plan);
  }
  engine::execute(*bound, plan->prepared_steps, steps);
  if (unfolded) unfolded->put_into(*bound);
  return collect(*bound, steps);
}

StepResult Session::train(Inputs inputs, const StepOptions& options) {
  const std::lock_guard lock(parts_->turn);
  return parts_->on_all_ranks([&] { return train_alone(inputs, options); });
}

/// The step of this rank.
StepResult Session::train_alone(Inputs inputs, const StepOptions& options) {
  const std::int64_t batch = engine::check_inputs(parts_->graph, inputs);
  engine::UpdateNumbers numbers = parts_->numbers(options);
  const engine::OneDnnThreads threads(num_threads());
  if (!parts_->accumulated.empty()) {
    throw Error(
        fmt::format("train: the gradients of {} samples are accumulated; call update, or "
                    "discard_accumulated, first",
                    parts_->accumulated.samples));
  }
  BoundPlan& bound = parts_->bind(
      parts_->plan(Mode::kTraining, batch, threads.count(), NormsAre::kFolded), options);
  engine::require_nothing_staged(bound);
  engine::set_inputs(bound, inputs, &numbers);
  StepResult result = parts_->run_to_gate(bound);
  numbers.scale = engine::scale_of(options.clip_norm, result.gradient_norm);
  if (result.refusal.empty()) result.updated = parts_->update(bound, numbers);
  result.results = collect(bound, bound.plan->steps.size());
  return result;
}

bool Session::averages() const { return parts_->options.ema_decay.has_value(); }

void Session::average_into(State& averaged) const {
  if (!averages()) {
    throw Error("average_into: the session keeps no averages; set SessionOptions::ema_decay");
  }
  const State& state = parts_->state;
  const bool is_updated = state.values(engine::kUpdateCount)[0] > 0;
  std::vector<ConstStateView> views;
  std::map<std::string_view, std::size_t, std::less<>> by_name;
  const std::vector<ConstStateView> all = state.entries();
  for (std::size_t i = 0; i < all.size(); ++i) by_name[all[i].name] = i;
  for (const ConstStateView& entry : std::as_const(averaged).entries()) {
    const auto average = by_name.find(engine::ema_name(entry.name));
    const auto own = by_name.find(entry.name);
    const auto from = is_updated && average != by_name.end() ? average : own;
    if (from != by_name.end()) {
      views.push_back({.name = entry.name, .values = all[from->second].values});
    }
  }
  averaged.load(views);
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
  return table_ == nullptr ? std::span<const Moments>() : of_node(table_->moments, node);
}

std::span<const Moments> Results::sample_moments(std::string_view node) const {
  return table_ == nullptr ? std::span<const Moments>() : of_node(table_->sample_moments, node);
}

}  // namespace equipoise
