#pragma once

#include <cstdint>
#include <span>

#include "equipoise/norm.h"
#include "norm/tile_moments.h"

namespace equipoise::norm {

/// Moments of single (sample, channel)s, for those who look on. Computed beside the groups'
/// moments, whose bits thus do not depend on whether somebody looks.
class SampleMoments {
 public:
  /// `out` begins at the first sample of x.
  SampleMoments(const Elements& x, const Walk& walk, std::span<const float> position_weights,
                int threads, std::span<Moments> out, Workspace::Arena& arena);

  /// Channels [c0, c1) of sample n; c0 begins a block.
  void operator()(std::int64_t n, std::int64_t c0, std::int64_t c1, int thread);

 private:
  TileMoments tiles_;
  std::span<LaneScratch> lanes_;
  std::span<std::span<double>> partial_;  // means, then M2s
  std::span<Moments> out_;
};

}  // namespace equipoise::norm
