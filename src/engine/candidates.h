#pragma once

#include <string>
#include <vector>

#include "engine/implementation.h"
#include "engine/plan.h"
#include "engine/timing.h"
#include "equipoise/timings.h"

namespace equipoise::engine {

/// Convolutions and matrix products, and their gradients: what a network's time depends on, and may
/// be measured alone.
bool is_product(const Node& node);

/// One way to run a node.
struct Candidate {
  const Implementation* implementation = nullptr;
  Proposal proposal;
  /// Alone, without reorders.
  double milliseconds = 0;
};

/// Knows what ways of running nodes take: from `timings`, or by measuring, once.
class Candidates {
 public:
  explicit Candidates(Timings& timings) : timings_(timings) {}

  /// All but the reference, in every layout of this machine; in the order in which they were found.
  /// REQUIRES: is_product(node.node)
  std::vector<Candidate> of(NodeContext node);

  /// Milliseconds from one format to another; 0 if they are the same.
  double reorder(const NodeContext& node, const Shape& shape, const Format& from, const Format& to);

 private:
  double time(const NodeContext& node, const Proposal& proposal, const std::string& way,
              double hopeless);

  Timings& timings_;
  Stopwatch stopwatch_;
};

/// The layout of images in which the products of a plan's graph take least, reorders to and from it
/// included.
Layout fastest_layout(const Plan& plan, Candidates& candidates);

}  // namespace equipoise::engine
