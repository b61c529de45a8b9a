#include "norm/repeat.h"

#include <atomic>

#include "base/parallel.h"
#include "norm/affine_sweep.h"
#include "norm/sample_block.h"

namespace equipoise::norm {
namespace {

class RepeatPass {
 public:
  RepeatPass(const NormForward& arguments, const NormRecord::State& state, std::int64_t block,
             Workspace::Arena& arena)
      : block_(state, block),
        gamma_(or_constant(arguments.weight, 1, block_.walk().channels, arena)),
        beta_(or_constant(arguments.bias, 0, block_.walk().channels, arena)),
        // One sweep gains nothing from units that fit in the cache.
        units_(block_.walk(), block_.across_samples(), state.partition.channels, state.dtype, 1,
               block_.across_samples()),
        affine_(arguments, block_, AffineSweep::Bits::kAsTheyAre),
        coefficients_(arena.make<LaneCoefficients>(units_.one_each ? units_.threads : 1)) {
    for (LaneCoefficients& each : coefficients_) {
      each = LaneCoefficients(block_.walk(), units_.at(0).blocks(), arena);
    }
  }

  void run() const {
    if (units_.one_each) {
      parallel_for(units_.count(), units_.threads, [&](std::int64_t i, int thread) {
        one_unit(units_.at(i), coefficients_[static_cast<std::size_t>(thread)], 1);
      });
    } else {
      for (std::int64_t i = 0; i < units_.count(); ++i) {
        one_unit(units_.at(i), coefficients_.front(), units_.threads);
      }
    }
  }

 private:
  void one_unit(const Unit& unit, const LaneCoefficients& coefficients, int threads) const {
    std::atomic<bool> extreme{false};
    parallel_for_chunks(block_.group_count(unit), kGroupChunk, threads,
                        [&](std::int64_t first, std::int64_t last) {
                          if (block_.form(unit, first, last, gamma_, beta_, coefficients))
                            extreme.store(true, std::memory_order_relaxed);
                        });
    const Strips strips(block_.walk(), unit, threads);
    parallel_for(strips.count(), threads, [&](std::int64_t i, int) {
      affine_(unit, strips.at(i), coefficients, extreme.load());
    });
  }

  const SampleBlock block_;
  const std::span<const float> gamma_;
  const std::span<const float> beta_;
  const Units units_;
  const AffineSweep affine_;
  const std::span<LaneCoefficients> coefficients_;
};

}  // namespace

void repeat(const NormForward& arguments, const NormRecord::State& state, Workspace::Arena& arena) {
  for (std::int64_t block = 0; block < SampleBlock::count(state); ++block) {
    const auto mark = arena.mark();
    RepeatPass(arguments, state, block, arena).run();
    arena.release(mark);
  }
}

}  // namespace equipoise::norm
