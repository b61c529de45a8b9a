#pragma once

#include <cstdint>
#include <vector>

#include "graph/array.h"
#include "ops/normalization.h"
#include "ops/normalization_record.h"

namespace equipoise {

/// Where an element stands. Elements are numbered row by row: i = (n·C + c)·S + s.
struct NormElement {
  /// The statistic group, and γ's and β's index.
  std::int64_t group = 0;
  std::int64_t parameter = 0;
  std::int64_t sample = 0;
  /// n·S + s, the index of its weight.
  std::int64_t position = 0;
};

/// Which elements of a tensor share statistics.
class NormPartition {
 public:
  NormPartition(const NormAttributes& norm, const Shape& shape);

  std::int64_t groups() const { return groups_; }
  std::int64_t parameters() const { return parameters_; }
  NormElement element(std::int64_t i) const;

 private:
  NormKind kind_;
  LayerAxes axes_;
  std::int64_t channels_;               // C
  std::int64_t positions_;              // S
  std::int64_t samples_per_group_ = 1;  // of a ghost batch
  std::int64_t channels_per_group_ = 1;
  std::int64_t groups_ = 0;
  std::int64_t parameters_ = 0;
};

/// What every group of x is normalized with. Weights and running averages are null where absent.
/// Throws Error for a batch, or ghost batch, with at most one value per channel, if its statistics
/// are the batch's own.
std::vector<NormGroup> normalization_statistics(const NormAttributes& norm,
                                                const NormPartition& partition, const Array& x,
                                                const Array* position_weights,
                                                const Array* running_mean,
                                                const Array* running_var);

}  // namespace equipoise
