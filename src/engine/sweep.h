#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace equipoise::engine {

struct BoundPlan;
struct Plan;

/// Consecutive updates, run as one parallel loop over all their elements: a network has hundreds of
/// small parameters, and a region of threads costs more than to update one. They touch none of each
/// other's tensors, but for *chains*: updates of as many elements, of which a later one reads what
/// an earlier one wrote (the average of a parameter behind the parameter). A part goes through all
/// steps of a chain, while what it wrote is in the cache.
struct Sweep {
  /// Of the steps from `first + step` on, `length` of them.
  struct Part {
    std::size_t step;
    std::size_t length;
    std::int64_t begin, end;
  };

  std::size_t first = 0;
  std::size_t last = 0;
  std::vector<Part> parts = {};
};

/// Those of a plan for training, in order.
std::vector<Sweep> find_sweeps(const Plan& plan);

void run_sweep(BoundPlan& bound, const Sweep& sweep);

}  // namespace equipoise::engine
