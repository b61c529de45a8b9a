#pragma once

#include <cstdint>

#include "engine/context.h"
#include "equipoise/session.h"

namespace equipoise::engine {

/// N, from the inputs that begin with it. Throws Error if two disagree, for a name that is no input
/// of the graph or given twice, data that is missing, and a type, layout or shape that does not
/// fit.
std::int64_t check_inputs(const Graph& graph, Inputs inputs);

/// Points the plan's inputs to the caller's data. Throws Error for one that the plan reads and
/// nobody gave. `rate` is the learning rate; it and the data have to last for the run.
void set_inputs(BoundPlan& bound, Inputs inputs, const float* rate);

}  // namespace equipoise::engine
