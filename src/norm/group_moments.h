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

  const Walk& walk() const { return tiles_.walk(); }
  /// Tiles of a unit (of the activation's walk), and the moments to set aside for them.
  std::int64_t tasks(const Unit& unit) const { return own(unit).blocks() * tiles_per_block(unit); }
  std::int64_t partial_count(const Unit& unit) const {
    return tiles_per_block(unit) * channels_of(unit);
  }

  /// Does the i-th tile of a unit.
  void tile(const Unit& unit, std::int64_t i, const LaneScratch& scratch, Moments* partial) const;
  /// The moments of the group whose first channel is `channel`, when all tiles are done.
  Moments merged(const Unit& unit, std::int64_t channel, const Moments* partial) const;

 private:
  // The same unit in this walk, where joined channels are one.
  Unit own(const Unit& unit) const {
    return {unit.n0, unit.n1, unit.l0 / joined_, unit.l1 / joined_};
  }
  std::int64_t tiles_per_block(const Unit& unit) const {
    return walk().tiles_per_block(unit.n1 - unit.n0);
  }
  std::int64_t channels_of(const Unit& unit) const;

  std::int64_t joined_;  // channels that are one channel of the walk
  std::int64_t channels_per_group_;
  TileMoments tiles_;
};

/// All groups of a block of samples, numbered as in a record, into `out`.
void merge_all(const SampleBlock& block, const Elements& x, std::span<const float> position_weights,
               std::int64_t channels_per_group, std::span<Moments> out, Workspace::Arena& arena);

}  // namespace equipoise::norm
