#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace equipoise::engine {

struct BoundPlan;

/// How many of some f32 values are NaN or infinite. (The padding of a format is finite.)
std::int64_t count_non_finite(const void* values, std::size_t bytes, int threads);

/// Where a step went wrong first.
struct NonFinite {
  /// The input, parameter or buffer, or the node that computed it; empty: it is nowhere.
  std::string name = {};
  /// "the output of 'conv1' is not finite (3 of 1024 values)"
  std::string text = {};
};

/// Looks for it among all that the steps up to the gate read and compute: runs them again (memory
/// of intermediate results has been used for others since), and leaves results as they were. Over
/// several ranks nothing is looked for, since the others do not run theirs again. (Where gradients
/// are averaged, the batch counts twice; what a refused batch is averaged with is not used.)
///
/// REQUIRES: the plan is for training and has just run up to its gate; what it staged is discarded
NonFinite find_non_finite(BoundPlan& bound);

}  // namespace equipoise::engine
