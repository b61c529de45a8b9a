#pragma once

#include <cstdint>
#include <span>

#include "equipoise/norm.h"
#include "norm/walk.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Element at `offset`.
float element(const void* data, DType dtype, std::int64_t offset);

/// Memory of one thread for the lanes of a tile.
struct LaneScratch {
  float* shift = nullptr;
  float* sum = nullptr;
  float* sum_of_products = nullptr;
  float* weights = nullptr;

  LaneScratch() = default;
  LaneScratch(const Walk& walk, bool weighted, Workspace::Arena& arena);
};

/// One weight per element of a tile, as kernels want them; null where there are none.
struct ElementWeights {
  const float* data = nullptr;
  std::int64_t segment_stride = 0;
};
ElementWeights element_weights(const Walk& walk, std::span<const float> position_weights,
                               const TileRange& tile, std::int64_t l, float* scratch);

/// Moments of tiles of an activation, per channel of a block.
class TileMoments {
 public:
  /// `across_samples` as the walk's: the weights of tiles are prepared for those of all samples, or
  /// of each.
  TileMoments(const Walk& walk, Elements x, std::span<const float> position_weights,
              bool across_samples, Workspace::Arena& arena);

  /// Tile t of samples [n0, n1) and block l, into out[0 … channels_in(l)).
  void operator()(std::int64_t n0, std::int64_t n1, std::int64_t l, std::int64_t t,
                  const LaneScratch& scratch, Moments* out) const;

  const Walk& walk() const { return walk_; }

 private:
  struct Weight {
    double count = 0;
    std::int64_t n = 0, s = 0;  // the first position with positive weight
  };

  Weight weight_of(const TileRange& tile) const;
  void of_runs(const TileRange& tile, std::int64_t l, const Weight& weight, Moments* out) const;
  void of_lanes(const TileRange& tile, std::int64_t l, const Weight& weight,
                const LaneScratch& scratch, Moments* out) const;

  const Walk walk_;
  Elements x_;
  std::span<const float> position_weights_;
  bool across_samples_;
  std::span<Weight> weights_;
};

}  // namespace equipoise::norm
