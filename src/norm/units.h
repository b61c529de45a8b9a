#pragma once

#include <algorithm>
#include <cstdint>

#include "base/parallel.h"
#include "base/round_up.h"
#include "norm/walk.h"

namespace equipoise::norm {

/// The part of an activation whose moments are complete, so that its second sweep can follow the
/// first: samples [n0, n1) and blocks [l0, l1), whole statistic groups.
struct Unit {
  std::int64_t n0 = 0, n1 = 0, l0 = 0, l1 = 0;
  std::int64_t blocks() const { return l1 - l0; }
};

/// Threads that so many bytes of a tensor are worth.
int threads_for(std::int64_t bytes);

/// Units of a walk, and who works on them: each thread takes a unit and does both sweeps, or, where
/// units of a thread's own would be too few, too small or too large, all threads share the tiles of
/// two (see `run_sweeps`). Units fit in the cache if a block does, so that the second sweep finds
/// them there, and hold many blocks, so that memory is read in long stretches. The choice changes
/// no result.
struct Units {
  bool across_samples = true;
  std::int64_t samples = 0;
  std::int64_t blocks = 0;
  std::int64_t blocks_per_unit = 1;
  bool one_each = true;
  /// Two units fit in the cache side by side: the first sweep of one and the second of another.
  bool side_by_side = true;
  int threads = 1;

  /// `channels_per_group` as in Partition; `tensors` is the number of tensors that both sweeps
  /// read; `whole`: all in one unit.
  Units(const Walk& walk, bool across_samples, std::int64_t channels_per_group, DType dtype,
        int tensors, bool whole);

  std::int64_t count() const { return (across_samples ? 1 : samples) * per_sample(); }
  Unit at(std::int64_t i) const;

 private:
  std::int64_t per_sample() const { return ceil_div(blocks, blocks_per_unit); }
};

/// The work on a unit, as tiles of several blocks: enough of them for all threads, and of blocks
/// that are equally wide.
class Strips {
 public:
  Strips(const Walk& walk, const Unit& unit, int threads);

  /// Blocks of a strip at most.
  std::int64_t blocks() const { return blocks_; }
  std::int64_t count() const { return strips_ * tiles_; }
  struct Task {
    std::int64_t l0, l1, t;
  };
  /// In the order of memory.
  Task at(std::int64_t i) const;

 private:
  Unit unit_;
  std::int64_t even_;  // the unit's blocks but for a narrower last one
  std::int64_t blocks_;
  std::int64_t strips_;
  std::int64_t tiles_;
};

/// The second sweep of a unit and the first of the next: side by side where both fit in the cache,
/// so that memory delivers to one thread while it takes from another; else one after the other.
template <class First, class Second>
void run_sweeps(const Units& units, std::int64_t firsts, std::int64_t seconds, First&& first,
                Second&& second) {
  if (!units.side_by_side) {
    parallel_for(seconds, units.threads, second);
    parallel_for(firsts, units.threads, first);
    return;
  }
  const std::int64_t in_turn = 2 * std::min(firsts, seconds);
  parallel_for(firsts + seconds, units.threads, [&](std::int64_t i, int thread) {
    const bool is_first = i < in_turn ? i % 2 == 0 : firsts > seconds;
    const std::int64_t k = i < in_turn ? i / 2 : i - in_turn / 2;
    is_first ? first(k, thread) : second(k, thread);
  });
}

}  // namespace equipoise::norm
