#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "equipoise/norm.h"
#include "equipoise/running_statistics.h"
#include "equipoise/session.h"

namespace equipoise::engine {

/// A normalization node in one context.
struct NormSlot {
  NormRecord record;
  /// As set for the run; null: as planned.
  const NormSettings* settings = nullptr;
  /// Where its statistics are staged; null without running ones.
  RunningStatistics* running = nullptr;
  /// How many batches waited there before the run.
  std::int64_t staged_before = 0;
  /// What the last run left of its batch; empty: nothing. Of groups, and of each (sample, channel)
  /// at [n·C + c].
  std::span<const Moments> moments;
  std::span<const Moments> sample_moments;
  /// Memory of the latter; the former are the record's.
  std::vector<Moments> sample_memory;
};

/// What kernels see of a run besides their tensors.
struct RunContext {
  std::vector<NormSlot> norms;
  Workspace workspace;
  Communicator* communicator = nullptr;
  std::uint64_t random_key = 0;
};

}  // namespace equipoise::engine
