#include "engine/execute.h"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <exception>
#include <new>
#include <vector>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/finite.h"
#include "equipoise/error.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

void run_step(BoundPlan& bound, std::size_t s) {
  const Step& step = bound.plan->steps[s];
  if (step.alias) return;
  const Node& node = bound.plan->graph.nodes()[s];
  bound.inputs.clear();
  bound.outputs.clear();
  for (const TensorId id : node.inputs) bound.inputs.push_back(bound.pointer(id));
  for (const TensorId id : node.outputs) bound.outputs.push_back(bound.pointer(id));
  try {
    step.kernel->run({.inputs = bound.inputs,
                      .outputs = bound.outputs,
                      .scratch = bound.arena + step.scratch_offset,
                      .run = bound.run,
                      .state = bound.kernel_states[s].get()});
  } catch (const std::bad_alloc&) {
    throw;
  } catch (const std::exception& error) {  // also oneDNN's
    throw Error(fmt::format("node '{}': {}", node.name, error.what()));
  }
}

/// Each once: a layer may have been used several times.
std::span<RunningStatistics* const> staged(BoundPlan& bound) {
  std::vector<RunningStatistics*>& all = bound.staged;
  all.clear();
  for (NormSlot& slot : bound.run.norms) {
    if (slot.running != nullptr && slot.running->staged() > 0 &&
        std::ranges::find(all, slot.running) == all.end()) {
      all.push_back(slot.running);
    }
  }
  return all;
}

/// That which begins with step s, if any.
const Sweep* sweep_from(const Plan& plan, std::size_t s) {
  const auto found = std::ranges::lower_bound(plan.sweeps, s, {}, &Sweep::first);
  return found != plan.sweeps.end() && found->first == s ? &*found : nullptr;
}

/// Behind step s and the reorders of its results that follow it.
std::size_t end_of_reorders(const Plan& plan, std::size_t s) {
  const auto nodes = plan.graph.nodes();
  std::size_t end = s + 1;
  while (end < nodes.size() && nodes[end].operation->type() == "reorder" &&
         plan.graph.tensor(nodes[end].inputs[0]).producer == NodeId{static_cast<std::int32_t>(s)}) {
    ++end;
  }
  return end;
}

}  // namespace

void execute(BoundPlan& bound, std::size_t first, std::size_t last) {
  try {
    for (std::size_t s = first; s < last; ++s) {
      if (bound.milliseconds == nullptr) {
        const Sweep* sweep = sweep_from(*bound.plan, s);
        if (sweep != nullptr && sweep->last <= last) {
          run_sweep(bound, *sweep);
          s = sweep->last - 1;
        } else {
          run_step(bound, s);
        }
        continue;
      }
      const auto start = std::chrono::steady_clock::now();
      run_step(bound, s);
      const std::chrono::duration<double, std::milli> time =
          std::chrono::steady_clock::now() - start;
      bound.milliseconds[s] = time.count();
    }
  } catch (...) {
    discard_staged(bound);
    throw;
  }
}

void prepare(BoundPlan& bound) {
  if (bound.prepared_from == bound.version) return;
  bound.prepared_from = {};
  if (!bound.stale.empty()) execute(bound, 0, bound.plan->prepared_steps);
  for (PreparedTensor* tensor : bound.stale) tensor->from = bound.version;
  bound.stale.clear();
  const Plan& plan = *bound.plan;
  bound.finite = true;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    if (tensor.root >= 0) continue;
    if (tensor.place != Place::kPrepared && tensor.place != Place::kState) continue;
    bound.finite &= count_non_finite(bound.pointers[i], tensor.bytes, plan.threads) == 0;
  }
  bound.prepared_from = bound.version;
}

std::size_t end_of(const Plan& plan, std::string_view until) {
  for (std::size_t s = 0; s < plan.graph.nodes().size(); ++s) {
    const Node& node = plan.graph.nodes()[s];
    if (node.name == until || std::ranges::find(node.made_of, until) != node.made_of.end()) {
      return end_of_reorders(plan, s);
    }
  }
  const auto removed = std::ranges::find(plan.removed, until, &RemovedNode::name);
  if (removed != plan.removed.end()) {
    if (!removed->by.empty()) return end_of(plan, removed->by);
    throw Error(fmt::format("graph '{}': no run can stop at node '{}', which does not run: {}",
                            plan.graph.name(), until, removed->why));
  }
  std::vector<std::string_view> names;
  for (const Node& node : plan.graph.nodes()) {
    names.emplace_back(node.name);
    names.insert(names.end(), node.made_of.begin(), node.made_of.end());
  }
  throw Error(fmt::format("graph '{}' has no node '{}' to stop at{}", plan.graph.name(), until,
                          did_you_mean(until, names)));
}

std::string refusal(BoundPlan& bound) {
  const Plan& plan = *bound.plan;
  const float loss = *static_cast<const float*>(bound.pointer(plan.loss));
  if (!std::isfinite(loss)) return std::isnan(loss) ? "the loss is NaN" : "the loss is infinite";
  for (const RunningStatistics* statistics : staged(bound)) {
    if (const auto why = statistics->refusal()) return *why;
  }
  const float norm = *static_cast<const float*>(bound.pointer(plan.gradient_norm));
  if (!std::isfinite(norm)) return fmt::format("the norm of all gradients is {}", norm);
  return {};
}

void commit_staged(BoundPlan& bound) {
  const std::span<RunningStatistics* const> all = staged(bound);
  if (!all.empty()) commit_together(all);
}

void discard_staged(BoundPlan& bound) {
  for (NormSlot& slot : bound.run.norms) {
    if (slot.running != nullptr) slot.running->discard_behind(slot.staged_before);
  }
}

void discard_all_staged(BoundPlan& bound) {
  for (NormSlot& slot : bound.run.norms) {
    if (slot.running != nullptr) slot.running->discard();
  }
}

void require_nothing_staged(const BoundPlan& bound) {
  for (const NormSlot& slot : bound.run.norms) {
    if (slot.staged_before > 0) {
      throw Error(
          fmt::format("'{}' has statistics of an earlier run staged; commit or discard them "
                      "before training",
                      slot.running->name()));
    }
  }
}

}  // namespace equipoise::engine
