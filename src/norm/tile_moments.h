#pragma once

#include <cstdint>
#include <span>

#include "equipoise/norm.h"
#include "norm/channel_sums.h"
#include "norm/moments.h"
#include "norm/walk.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Memory of one thread for the sums of a tile of up to so many blocks.
struct LaneScratch {
  std::span<float> shift, sum, sum_of_products;
  std::span<double> channel_sum, channel_products;
  std::span<float> channel_shift;
  float* weights = nullptr;

  LaneScratch() = default;
  LaneScratch(const Walk& walk, std::int64_t blocks, bool weighted, Workspace::Arena& arena);
};

/// One weight per element of a tile, as kernels want them; null where there are none.
struct ElementWeights {
  const float* data = nullptr;
  std::int64_t segment_stride = 0;
};
ElementWeights element_weights(const Walk& walk, std::span<const float> position_weights,
                               const TileRange& tile, std::int64_t l, float* scratch);

/// Which of the blocks [l0, l1)'s lanes of sums belong to which channel.
ChannelLanes channel_lanes(const Walk& walk, std::int64_t l0, std::int64_t l1);

/// Moments of tiles of an activation, per channel.
class TileMoments {
 public:
  /// `across_samples` as the walk's: the weights of tiles are prepared for those of all samples, or
  /// of each.
  TileMoments(const Walk& walk, Elements x, std::span<const float> position_weights,
              bool across_samples, Workspace::Arena& arena);

  /// Tile t of samples [n0, n1) and blocks [l0, l1) that are equally wide; one mean and one M2 per
  /// channel.
  void operator()(std::int64_t n0, std::int64_t n1, std::int64_t l0, std::int64_t l1,
                  std::int64_t t, const LaneScratch& scratch, double* mean, double* m2) const;

  /// Sum of the weights, or number of positions, of tile t of samples [n0, n1). Where it is 0, mean
  /// and M2 are 0.
  double count(std::int64_t n0, std::int64_t n1, std::int64_t t) const {
    return weight(n0, n1, t).count;
  }

  const Walk& walk() const { return walk_; }

 private:
  struct Weight {
    struct Position {
      std::int64_t n, s;
    };
    double count;
    Position first, middle, last;  // of those with positive weight
  };

  Weight weight(std::int64_t n0, std::int64_t n1, std::int64_t t) const;
  Weight weight_of(const TileRange& tile) const;
  void find_shifts(std::int64_t l0, std::int64_t l1, const Weight& weight, float* shift) const;
  void redo(MomentsTile tile, const ChannelLanes& lanes, std::int64_t channels, double count,
            const LaneScratch& scratch, double* mean, double* m2) const;

  const Walk walk_;
  Elements x_;
  std::span<const float> position_weights_;
  bool across_samples_;
  std::span<Weight> weights_;
};

}  // namespace equipoise::norm
