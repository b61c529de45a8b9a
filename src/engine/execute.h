#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "engine/context.h"

namespace equipoise::engine {

/// Runs steps [first, last). An Error of a kernel is thrown with the name of its node; then nothing
/// is staged any longer.
void execute(BoundPlan& bound, std::size_t first, std::size_t last);

/// Computes what the plan has prepared from the state, and looks whether it is finite, if the state
/// has changed since.
void prepare(BoundPlan& bound);

/// The step behind the last one of a run that stops at a node, or at the one that took its place.
/// Throws Error if no step computes it any longer, with why, or if there is none, with the nearest
/// names.
std::size_t end_of(const Plan& plan, std::string_view until);

/// The gate between gradients and update: why it stays shut, or nothing.
std::string refusal(BoundPlan& bound);

/// What normalizations have staged is committed, all together; or what this run has staged is
/// forgotten.
void commit_staged(BoundPlan& bound);
void discard_staged(BoundPlan& bound);
/// Also what earlier runs have staged.
void discard_all_staged(BoundPlan& bound);

/// Throws Error if a training step would commit what others have staged.
void require_nothing_staged(const BoundPlan& bound);

}  // namespace equipoise::engine
