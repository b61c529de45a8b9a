#pragma once

#include <cstdint>
#include <vector>

#include "engine/context.h"
#include "equipoise/session.h"

namespace equipoise::engine {

/// N, from the inputs that begin with it. Throws Error if two disagree, for a name that is no input
/// of the graph or given twice, data that is missing, and a type, layout or shape that does not
/// fit.
std::int64_t check_inputs(const Graph& graph, Inputs inputs);

/// The samples, in order, of which an f32 input has values that are not finite; all of the batch if
/// an input without a dimension of samples has. REQUIRES: check_inputs has passed
std::vector<std::int64_t> non_finite_samples(const Graph& graph, Inputs inputs, std::int64_t batch,
                                             int threads);

/// What an update goes by.
struct UpdateNumbers {
  float rate = 0;
  /// Which update it is, from 1.
  float count = 0;
  /// Of the new parameters in their averages, in (0, 1].
  float ema_weight = 1;
  /// Of gradients, in (0, 1].
  float scale = 1;
  /// Of the batch in the mean gradients, in (0, 1].
  float share = 1;
};

/// Points the plan's inputs to these numbers, which have to last for the run.
void set_numbers(BoundPlan& bound, const UpdateNumbers& numbers);

/// Points the plan's inputs to the caller's data. Throws Error for one that the plan reads and
/// nobody gave. `numbers` are for training; they and the data have to last for the run.
void set_inputs(BoundPlan& bound, Inputs inputs, const UpdateNumbers* numbers);

}  // namespace equipoise::engine
