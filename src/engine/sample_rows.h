#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "engine/context.h"
#include "engine/plan.h"

namespace equipoise::engine {

/// Whether what a plan computes of one sample may depend on another: by statistics of the batch, or
/// by something that was computed of all samples.
bool mixes_samples(const Plan& plan);

/// Results of some samples as one plan computes them, to replace those of another plan of the same
/// model and batch size. A result without a dimension of samples is replaced as a whole.
class SampleRows {
 public:
  /// Of the results that the first `steps` steps of `plan` compute. The samples have to last.
  SampleRows(const Plan& plan, std::size_t steps, std::span<const std::int64_t> samples);

  /// Runs the steps that they need, and copies them: whoever runs next has the memory.
  void compute(BoundPlan& bound);
  /// Overwrites those of the plan that they were chosen by, which has run.
  void put_into(BoundPlan& bound) const;

 private:
  template <class Visit>
  void for_each(BoundPlan& bound, const Visit& visit) const;

  std::span<const std::int64_t> samples_;
  std::vector<std::size_t> outputs_;  ///< of Plan::outputs
  std::vector<std::byte> rows_;
};

}  // namespace equipoise::engine
