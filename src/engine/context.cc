#include "engine/context.h"

#include <algorithm>
#include <span>
#include <string_view>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/passes/pass.h"
#include "engine/state.h"
#include "equipoise/error.h"

namespace equipoise {

Context::Context() : memory_(std::make_unique<engine::ContextMemory>()) {}
Context::~Context() = default;
Context::Context(Context&&) noexcept = default;
Context& Context::operator=(Context&&) noexcept = default;

std::size_t Context::capacity() const { return memory_->arena.size(); }

void Context::set_norm(std::string_view node, NormSettings settings) {
  memory_->settings.insert_or_assign(std::string(node), std::move(settings));
}

void Context::reset_norms() { memory_->settings.clear(); }

namespace engine {

namespace {

/// Layer and RMS normalization keep mean and 1/σ of their rows alone.
bool has_moments(NormKind kind) { return kind != NormKind::kLayer && kind != NormKind::kRms; }

/// Throws Error for what a normalization of this kind does not do.
void check_kind(const PlannedNorm& norm, const NormSettings& set) {
  if (!has_moments(norm.kind)) {
    throw Error(
        fmt::format("set_norm: '{}' ({}) keeps no moments to collect; nothing of it can be set",
                    norm.node, to_string(norm.kind)));
  }
  const bool only_collects =
      !set.statistics && !set.update_running && set.mean.empty() && set.var.empty();
  if (norm.kind != NormKind::kBatch && !only_collects) {
    throw Error(
        fmt::format("set_norm: '{}' ({}) always normalizes with its own statistics; only "
                    "collect_moments and collect_sample_moments can be set",
                    norm.node, to_string(norm.kind)));
  }
}

/// Throws Error unless the settings are of normalizations of the plan that can be set so.
void check_settings(const Plan& plan,
                    const std::map<std::string, NormSettings, std::less<>>& settings) {
  for (const auto& [name, set] : settings) {
    const auto norm = std::ranges::find(plan.norms, name, &PlannedNorm::node);
    if (norm == plan.norms.end()) {
      std::vector<std::string_view> names;
      for (const PlannedNorm& other : plan.norms) {
        if (has_moments(other.kind)) names.emplace_back(other.node);
      }
      throw Error(fmt::format("set_norm: graph '{}' has no normalization '{}'{}", plan.graph.name(),
                              name, did_you_mean(name, names)));
    }
    check_kind(*norm, set);
    for (const std::size_t count : {set.mean.size(), set.var.size()}) {
      if (count != 0 && static_cast<std::int64_t>(count) != norm->channels) {
        throw Error(
            fmt::format("set_norm: a mean or variance of {} values for '{}', which has {} "
                        "channels",
                        count, name, norm->channels));
      }
    }
    const auto bad = std::ranges::find_if_not(set.var, [](float v) { return v >= 0; });
    if (bad != set.var.end()) {
      throw Error(
          fmt::format("set_norm: the variance of channel {} of '{}' is {}; it is at least 0",
                      bad - set.var.begin(), name, *bad));
    }
  }
}

/// Which of the two keeps a tensor.
template <class AnyState>
AnyState* holder_of(const PlannedTensor& tensor, AnyState* state, AnyState* mean_gradients) {
  const bool is_mean = mean_gradients != nullptr && mean_gradients->has(tensor.state);
  return is_mean ? mean_gradients : state;
}

}  // namespace

float* ContextMemory::values_of(State& state, const PlannedTensor& tensor, Mode mode) {
  State::Parts::Entry& entry = state.parts_->f32_entry(tensor.state);
  if (entry.shape.element_count() != tensor.shape.element_count()) {
    throw Error(fmt::format("the state has {} values of '{}', whose shape is {}",
                            entry.shape.element_count(), tensor.state, to_string(tensor.shape)));
  }
  const bool writes = mode == Mode::kTraining;
  return tensor.format.weights ? entry.as(tensor.format, writes) : entry.row_major(writes).data();
}

void ContextMemory::bind_prepared(BoundPlan& bound, State& state) {
  bound.version = state.parts_->version();
  bound.stale.clear();
  if (bound.prepared_from == bound.version) return;
  std::vector<std::shared_ptr<PreparedTensor>> all;
  const std::vector<PlannedTensor>& tensors = bound.plan->tensors;
  bool any_stale = false;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].place != Place::kPrepared || tensors[i].root >= 0) continue;
    const auto& prepared = all.emplace_back(
        state.parts_->prepared_tensor(tensors[i].state, tensors[i].format, tensors[i].bytes));
    bound.pointers[i] = prepared->memory.data();
    bound.stale.push_back(prepared.get());
    any_stale |= prepared->from != bound.version;
  }
  bound.prepared = std::move(all);
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].place != Place::kPrepared || tensors[i].root < 0) continue;
    bound.pointers[i] = bound.pointers[static_cast<std::size_t>(tensors[i].root)];
  }
  // Another plan may have computed all of them.
  if (!any_stale) bound.stale.clear();
}

void ContextMemory::make_room(const Plan& plan) {
  std::size_t needed = plan.arena_bytes;
  const std::size_t dropped = std::erase_if(plans, [&](const auto& entry) {
    const std::shared_ptr<const Plan>& other = entry.second->plan;
    if (other.use_count() == 1) return true;
    needed = std::max(needed, other->arena_bytes);
    return false;
  });
  if (dropped > 0) arena = AlignedBuffer();
  arena.reserve(needed);
}

MemoryNeed ContextMemory::need(const Plan& plan, const State* state,
                               const State* mean_gradients) const {
  MemoryNeed need{.intermediate = plan.arena_bytes - std::min(plan.arena_bytes, arena.size())};
  for (const PlannedTensor& tensor : plan.tensors) {
    if (tensor.root >= 0) continue;
    if (tensor.place == Place::kPrepared) {
      const bool made =
          state != nullptr && state->parts_->find_prepared(tensor.state, tensor.format);
      if (!made) need.state += tensor.bytes;
    } else if (tensor.place == Place::kState) {
      const State* const holder = holder_of(tensor, state, mean_gradients);
      need.state += holder == nullptr ? tensor.bytes
                                      : holder->parts_->f32_entry(tensor.state)
                                            .bytes_to_hold_as(tensor.format, tensor.bytes);
    }
  }
  return need;
}

BoundPlan& ContextMemory::bind(const std::shared_ptr<const Plan>& plan, State& state,
                               State* mean_gradients) {
  check_settings(*plan, settings);
  if (!plans.contains(plan.get())) require_memory(*plan, need(*plan, &state, mean_gradients));
  make_room(*plan);
  std::unique_ptr<BoundPlan>& bound = plans[plan.get()];
  if (!bound) {
    auto made = std::make_unique<BoundPlan>();
    made->plan = plan;
    made->pointers.resize(plan->tensors.size());
    made->run.norms.resize(plan->norms.size());
    made->readers = count_readers(plan->graph);
    for (const Step& step : plan->steps) {
      made->kernel_states.push_back(step.kernel ? step.kernel->make_state() : nullptr);
    }
    bound = std::move(made);
  }
  bound->arena = arena.data();
  for (std::size_t i = 0; i < plan->tensors.size(); ++i) {
    const PlannedTensor& tensor = plan->tensors[i];
    switch (tensor.place) {
      case Place::kArena:
        bound->pointers[i] = arena.data() + tensor.offset;
        break;
      case Place::kState:
        bound->pointers[i] =
            values_of(*holder_of(tensor, &state, mean_gradients), tensor, plan->mode);
        break;
      case Place::kConstant:
        bound->pointers[i] = plan->constants.data() + tensor.offset;
        break;
      case Place::kNorm:
        bound->pointers[i] = &bound->run.norms[static_cast<std::size_t>(tensor.norm)];
        break;
      case Place::kPrepared:
      case Place::kInput:
        break;
    }
  }
  if (plan->mode == Mode::kTraining) ++state.parts_->writes;
  if (plan->mode == Mode::kInference) bind_prepared(*bound, state);
  for (std::size_t n = 0; n < plan->norms.size(); ++n) {
    const PlannedNorm& norm = plan->norms[n];
    NormSlot& slot = bound->run.norms[n];
    const auto found = settings.find(norm.node);
    slot.settings = found == settings.end() ? nullptr : &found->second;
    slot.running = norm.running.empty() ? nullptr : state.running_statistics(norm.running);
    slot.staged_before = slot.running == nullptr ? 0 : slot.running->staged();
    slot.moments = {};
    slot.sample_moments = {};
  }
  return *bound;
}

}  // namespace engine
}  // namespace equipoise
