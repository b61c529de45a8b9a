#pragma once

#include "base/aligned_buffer.h"
#include "engine/implementation.h"

namespace equipoise::engine {

/// Runs proposals alone, in memory of its own, to see what they take.
class Stopwatch {
 public:
  /// Milliseconds of the fastest of a few runs; fewer where the first is slower than `hopeless`.
  /// REQUIRES: no input or output is a record.
  double milliseconds(const NodeContext& node, const Proposal& proposal, double hopeless);

 private:
  AlignedBuffer memory_;
};

/// Layouts that images may be in between convolutions on this machine, the fastest as a rule first.
std::vector<Layout> candidate_layouts();

}  // namespace equipoise::engine
