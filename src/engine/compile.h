#pragma once

#include <memory>

#include "engine/plan.h"
#include "equipoise/session.h"

namespace equipoise::engine {

/// A plan as it is before the first pass: the model's graph and what a run gives back.
Plan begin_plan(const Graph& model, Mode mode, std::int64_t batch, int threads,
                const SessionOptions& options);

/// Runs the passes that change the graph alone, not those that choose implementations and memory.
void run_graph_passes(Plan& plan, const SessionOptions& options);

/// Runs all passes. Throws Error for a loss or tap that the graph lacks, and inputs that do not fit
/// the batch size.
std::shared_ptr<const Plan> compile(const Graph& model, Mode mode, std::int64_t batch, int threads,
                                    const SessionOptions& options, Homes homes = {},
                                    NormsAre norms_are = NormsAre::kFolded,
                                    UpdatesBy updates_by = UpdatesBy::kGradients);

/// Throws Error for a pass that there is not, with those that there are, and for other options that
/// make no session.
void check_options(const Graph& model, const SessionOptions& options);

}  // namespace equipoise::engine
