#pragma once

#include <cstddef>

#include "engine/plan.h"
#include "equipoise/graph.h"

namespace equipoise::engine {

/// Bytes that a run of a plan takes beyond what is taken already. (What normalizations keep for
/// their gradients, a bit per element at most, is not counted.)
struct MemoryNeed {
  std::size_t intermediate = 0;  ///< results and scratch
  std::size_t state = 0;         ///< parameters and buffers, in the forms that the plan wants
};

/// Throws Error, with the largest tensor and its node, unless there is as much.
void require_memory(const Plan& plan, const MemoryNeed& need);

/// Throws Error, with the largest tensor, unless there is room for those parameters and buffers of
/// the graph that are not in a state; null: for all of them.
void require_memory(const Graph& graph, const State* state);

}  // namespace equipoise::engine
