#pragma once

#include <vector>

#include "equipoise/norm.h"
#include "graph/array.h"

namespace equipoise {

/// What a group is normalized with, x̂ = r·(x − mean)·rstd + d, and what its elements contributed.
struct NormGroup {
  /// Of the elements of the group, by their weights; what an update of running averages takes.
  Moments batch = {};
  double mean = 0;
  double rstd = 1;
  /// κ = ∂mean/∂batch.mean, and the same of the variances: 1 for statistics of the batch, 0 for
  /// running ones.
  double batch_share = 1;
  /// Of renormalization.
  double r = 1;
  double d = 0;
};

/// What `Norm::evaluate` leaves for the gradient and for whoever stages statistics.
struct NormNotes {
  /// In the order of Partition: of batch normalization, entry b·C + c is channel c of ghost batch
  /// b.
  std::vector<NormGroup> groups;
  /// act′(z) of every element, where a residual precedes an activation with kinks; else empty.
  std::vector<double> derivatives;

  /// As RunningStatistics::stage takes them.
  std::vector<Moments> batch_moments() const;
};

/// Packed as the number of groups; per group batch.count, batch.mean, batch.m2, mean, rstd,
/// batch_share, r and d; then the derivatives.
Array pack(const NormNotes& notes);
NormNotes unpack_norm_notes(const Array& record);

}  // namespace equipoise
