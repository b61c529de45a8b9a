#pragma once

#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/aligned_buffer.h"
#include "engine/implementation.h"
#include "engine/memory_need.h"
#include "engine/plan.h"
#include "engine/run_context.h"
#include "engine/state.h"
#include "equipoise/session.h"

namespace equipoise::engine {

using MomentsByNode = std::vector<std::pair<std::string_view, std::span<const Moments>>>;

/// What a run leaves, by name.
struct ResultTable {
  std::vector<std::pair<std::string_view, ConstTensorView>> tensors;
  MomentsByNode moments;
  MomentsByNode sample_moments;
};

/// A plan in a context: where its tensors are, and its normalizations.
struct BoundPlan {
  std::shared_ptr<const Plan> plan;
  std::byte* arena = nullptr;
  std::vector<void*> pointers;  ///< per tensor
  std::vector<void*> inputs;    ///< of the step that runs
  std::vector<void*> outputs;
  std::vector<Arguments> sweep;  ///< by step of the sweep that runs
  RunContext run;
  std::vector<std::unique_ptr<KernelState>> kernel_states;  ///< by step; null where it needs none
  /// How many nodes read a tensor.
  std::vector<int> readers;
  /// For the moment in which they are looked at.
  std::vector<RunningStatistics*> staged;
  ResultTable results;
  /// Of the state that the plan is bound to, and that from which prepared tensors were computed.
  StateVersion version = {};
  StateVersion prepared_from = {};
  /// Of that state; those that have to be computed anew before the plan runs.
  std::vector<std::shared_ptr<PreparedTensor>> prepared;
  std::vector<PreparedTensor*> stale;
  /// Whether all that is prepared, or read of the state as it is, was finite then.
  bool finite = true;
  /// If set, receives what each step takes.
  double* milliseconds = nullptr;

  void* pointer(TensorId id) const {
    return id ? pointers[static_cast<std::size_t>(id.index)] : nullptr;
  }
};

struct ContextMemory {
  AlignedBuffer arena;
  std::map<const Plan*, std::unique_ptr<BoundPlan>> plans;
  std::map<std::string, NormSettings, std::less<>> settings;

  /// What a run needs besides what is held; state: null where there is none yet.
  [[nodiscard]] MemoryNeed need(const Plan& plan, const State* state,
                                const State* mean_gradients = nullptr) const;

  /// Makes room, and finds every tensor but the caller's inputs. `mean_gradients`: of a plan that
  /// has them. Throws Error if there is no room.
  BoundPlan& bind(const std::shared_ptr<const Plan>& plan, State& state,
                  State* mean_gradients = nullptr);

 private:
  /// Lets go of plans that nobody else keeps, and of memory that only they needed; makes room for
  /// another one.
  void make_room(const Plan& plan);
  static void bind_prepared(BoundPlan& bound, State& state);
  /// Of a tensor of the state, in the plan's format; training writes to them. Throws Error if the
  /// state has others than the plan.
  static float* values_of(State& state, const PlannedTensor& tensor, Mode mode);
};

}  // namespace equipoise::engine
