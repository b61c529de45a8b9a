#pragma once

#include <cstdint>
#include <span>

#include "equipoise/norm.h"
#include "norm/sample_block.h"
#include "norm/tile_moments.h"
#include "norm/units.h"

namespace equipoise::norm {

/// Moments of the statistic groups of one block of samples: those of tiles, and their merge in the
/// order of tiles and channels. Sees several channels_first channels of a group as one long run
/// where no weights tell them apart.
class GroupMoments {
 public:
  GroupMoments(const Elements& x, bool across_samples, std::int64_t channels_per_group,
               std::span<const float> position_weights, const Walk& walk, Workspace::Arena& arena);

  /// The tiles of a unit (of the activation's walk), for so many threads.
  Strips strips(const Unit& unit, int threads) const { return {tiles_.walk(), own(unit), threads}; }
  LaneScratch lane_scratch(const Unit& unit, int threads, Workspace::Arena& arena) const;

  /// Moments of the tiles of one unit, per channel.
  struct Partial {
    std::span<double> mean, m2;
  };
  Partial partial(const Unit& unit, Workspace::Arena& arena) const;

  /// Does one tile of a unit.
  void tile(const Unit& unit, const Strips::Task& task, const LaneScratch& scratch,
            const Partial& partial) const;
  /// The moments of the unit's groups [first, last), when all tiles are done.
  void merge_groups(const Unit& unit, std::int64_t first, std::int64_t last, const Partial& partial,
                    std::span<Moments> out) const;

 private:
  // The same unit in this walk, where joined channels are one.
  Unit own(const Unit& unit) const {
    return {unit.n0, unit.n1, unit.l0 / joined_, unit.l1 / joined_};
  }
  // Values of a tile in a partial result.
  std::int64_t stride(const Unit& mine) const {
    return mine.blocks() * tiles_.walk().block_channels;
  }
  // Channels [first, last) of a unit over all tiles.
  void merge_tiles(const Unit& mine, std::int64_t first, std::int64_t last, const Partial& partial,
                   std::span<Moments> out) const;

  std::int64_t joined_;              // channels that are one channel of the walk
  std::int64_t channels_per_group_;  // of the walk
  bool weighted_;
  TileMoments tiles_;
};

/// All groups of a block of samples, numbered as in a record, into `out`.
void merge_all(const SampleBlock& block, const Elements& x, std::span<const float> position_weights,
               std::int64_t channels_per_group, std::span<Moments> out, Workspace::Arena& arena);

}  // namespace equipoise::norm
