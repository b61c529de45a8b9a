#include "norm/forward.h"

#include <algorithm>
#include <atomic>
#include <optional>

#include "base/parallel.h"
#include "norm/affine_sweep.h"
#include "norm/group_moments.h"
#include "norm/sample_block.h"
#include "norm/sample_moments.h"
#include "norm/statistics.h"
#include "norm/synchronize.h"

namespace equipoise::norm {
namespace {

// What one thread (or, for a shared unit, all together) works with.
struct UnitScratch {
  GroupMoments::Partial partial;
  LaneCoefficients coefficients;
};

class ForwardPass {
 public:
  ForwardPass(const NormForward& arguments, const BatchNormOptions& options,
              NormRecord::State& state, std::int64_t block, Workspace::Arena& arena)
      : args_(arguments),
        options_(options),
        state_(state),
        block_(state, block),
        walk_(block_.walk()),
        weights_(block_.weights(arguments.position_weights)),
        gamma_(or_constant(arguments.weight, 1, walk_.channels, arena)),
        beta_(or_constant(arguments.bias, 0, walk_.channels, arena)),
        arena_(arena),
        with_moments_(options.statistics != Statistics::kRunning || options.collect_moments),
        x_(arguments.x, block_.data(arguments.x)),
        moments_(x_, block_.across_samples(), state.partition.channels, weights_, walk_, arena),
        units_(walk_, block_.across_samples(), state.partition.channels, x_.dtype, 1,
               options.communicator != nullptr),
        affine_(arguments, block_, AffineSweep::Bits::kWritten) {
    const Unit first = units_.at(0);
    scratch_ = arena.make<UnitScratch>(
        std::clamp<std::int64_t>(units_.count(), 1, units_.one_each ? units_.threads : 2));
    for (UnitScratch& s : scratch_) {
      if (with_moments_) s.partial = moments_.partial(first, arena);
      s.coefficients = LaneCoefficients(walk_, first.blocks(), arena);
    }
    lanes_ = arena.make<LaneScratch>(units_.threads);
    for (LaneScratch& s : lanes_) s = moments_.lane_scratch(first, inner_threads(), arena);
    if (!arguments.sample_moments.empty()) {
      samples_.emplace(x_, walk_, weights_, units_.threads,
                       arguments.sample_moments.subspan(
                           static_cast<std::size_t>(block_.first_sample() * walk_.channels)),
                       arena);
    }
  }

  void run() {
    if (units_.one_each) {
      parallel_for(units_.count(), units_.threads,
                   [&](std::int64_t i, int thread) { one_unit(units_.at(i), thread); });
    } else {
      shared_units();
    }
  }

 private:
  // Of those who share a unit.
  int inner_threads() const { return units_.one_each ? 1 : units_.threads; }

  void merge_groups(const Unit& unit, std::int64_t first, std::int64_t last,
                    const UnitScratch& scratch) {
    moments_.merge_groups(unit, first, last, scratch.partial,
                          std::span(state_.moments)
                              .subspan(static_cast<std::size_t>(block_.first_group(unit) + first)));
  }

  void set_groups(const Unit& unit, std::int64_t first, std::int64_t last) {
    const std::size_t share =
        block_.across_samples() ? static_cast<std::size_t>(block_.index()) : 0;
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t c = block_.channel_of(unit, i);
      set_statistics(options_, state_.batch_share[share], c, block_.group_of(unit, c), state_);
    }
  }

  void one_unit(const Unit& unit, int thread) {
    const UnitScratch& scratch = scratch_[static_cast<std::size_t>(thread)];
    const LaneScratch& lanes = lanes_[static_cast<std::size_t>(thread)];
    const std::int64_t groups = block_.group_count(unit);
    if (with_moments_) {
      const Strips tiles = moments_.strips(unit, 1);
      for (std::int64_t i = 0; i < tiles.count(); ++i)
        moments_.tile(unit, tiles.at(i), lanes, scratch.partial);
      merge_groups(unit, 0, groups, scratch);
      for (std::int64_t n = unit.n0; n < unit.n1 && samples_; ++n) {
        (*samples_)(n, block_.first_channel(unit), block_.last_channel(unit), thread);
      }
    }
    set_groups(unit, 0, groups);
    const bool extreme = block_.form(unit, 0, groups, gamma_, beta_, scratch.coefficients);
    const Strips strips(walk_, unit, 1);
    for (std::int64_t i = strips.count(); i-- > 0;)
      affine_(unit, strips.at(i), scratch.coefficients, extreme);
  }

  // The first sweep of a unit runs with the second of the unit before.
  void shared_units() {
    bool extreme = false;
    for (std::int64_t i = 0; i <= units_.count(); ++i) {
      const Unit now = i < units_.count() ? units_.at(i) : Unit{};
      const Unit before = i > 0 ? units_.at(i - 1) : Unit{};
      const UnitScratch& scratch = scratch_[static_cast<std::size_t>(i) % scratch_.size()];
      const UnitScratch& scratch_before =
          scratch_[static_cast<std::size_t>(i + 1) % scratch_.size()];
      const Strips tiles = moments_.strips(now, units_.threads);
      const Strips strips(walk_, before, units_.threads);
      run_sweeps(
          units_, with_moments_ ? tiles.count() : 0, strips.count(),
          [&](std::int64_t k, int thread) {
            moments_.tile(now, tiles.at(k), lanes_[static_cast<std::size_t>(thread)],
                          scratch.partial);
          },
          [&](std::int64_t k, int) {
            affine_(before, strips.at(k), scratch_before.coefficients, extreme);
          });
      if (now.blocks() > 0) extreme = finish_statistics(now, scratch);
    }
  }

  // Returns whether some are extreme.
  bool finish_statistics(const Unit& unit, const UnitScratch& scratch) {
    const int threads = units_.threads;
    const std::int64_t groups = block_.group_count(unit);
    if (with_moments_ && samples_) {
      parallel_for(unit.n1 - unit.n0, threads, [&](std::int64_t i, int thread) {
        (*samples_)(unit.n0 + i, block_.first_channel(unit), block_.last_channel(unit), thread);
      });
    }
    const bool merged = with_moments_ && options_.communicator != nullptr;
    if (merged) merge_groups(unit, 0, groups, scratch);
    if (options_.communicator != nullptr) {
      merge_over_ranks(options_,
                       count_batch(args_.position_weights, state_.shape, 0, walk_.samples), state_,
                       arena_);
    }
    std::atomic<bool> any_extreme{false};
    parallel_for_chunks(groups, kGroupChunk, threads, [&](std::int64_t first, std::int64_t last) {
      if (with_moments_ && !merged) merge_groups(unit, first, last, scratch);
      set_groups(unit, first, last);
      if (block_.form(unit, first, last, gamma_, beta_, scratch.coefficients))
        any_extreme.store(true, std::memory_order_relaxed);
    });
    return any_extreme.load();
  }

  const NormForward& args_;
  const BatchNormOptions& options_;
  NormRecord::State& state_;
  const SampleBlock block_;
  const Walk& walk_;
  const std::span<const float> weights_;
  const std::span<const float> gamma_;
  const std::span<const float> beta_;
  Workspace::Arena& arena_;
  const bool with_moments_;
  const Elements x_;
  const GroupMoments moments_;
  const Units units_;
  const AffineSweep affine_;
  std::span<UnitScratch> scratch_;
  std::span<LaneScratch> lanes_;
  std::optional<SampleMoments> samples_;
};

}  // namespace

void forward(const NormForward& arguments, const BatchNormOptions& options,
             NormRecord::State& state, Workspace::Arena& arena) {
  if (state.shape.channels() == 0) return;
  for (std::int64_t block = 0; block < SampleBlock::count(state); ++block) {
    const auto mark = arena.mark();
    ForwardPass(arguments, options, state, block, arena).run();
    arena.release(mark);
  }
}

}  // namespace equipoise::norm
