#pragma once

#include <cstdint>
#include <span>

#include "equipoise/communicator.h"
#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// How much of a batch counts.
struct BatchCount {
  /// Values per channel with a weight that is not 0.
  std::int64_t values = 0;
  /// Samples that have such a value.
  std::int64_t samples = 0;
};
/// Of samples [n0, n1).
BatchCount count_batch(std::span<const float> position_weights, const Shape& shape, std::int64_t n0,
                       std::int64_t n1);

/// The share of the batch's statistics, n/(N + n) for blended ones.
double batch_share(const BatchNormOptions& options, std::int64_t samples);

/// Throws Error if the batch's own statistics are to normalize and there are none.
void check_batch(const BatchNormOptions& options, BatchCount count);

/// Replaces the moments of this rank by those over all ranks, merged in the order of ranks, and
/// sets the share of the batch that they make up together.
void merge_over_ranks(const BatchNormOptions& options, BatchCount count, NormRecord::State& state,
                      Workspace::Arena& arena);

/// Adds up `values` over all ranks, in the order of ranks.
void sum_over_ranks(Communicator& communicator, std::span<double> values, Workspace::Arena& arena);

}  // namespace equipoise::norm
