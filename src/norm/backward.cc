#include "norm/backward.h"

#include <algorithm>
#include <atomic>

#include "base/parallel.h"
#include "norm/derivative.h"
#include "norm/output.h"
#include "norm/sample_block.h"
#include "norm/statistics.h"
#include "norm/synchronize.h"
#include "norm/tile_gradients.h"

namespace equipoise::norm {
namespace {

// What one thread (or, for a shared unit, all together) works with.
struct UnitScratch {
  std::span<double> dz, products;  // per tile and channel
  LaneCoefficients coefficients;
  LaneValues q, s;
};

// Shares of one block of samples, or of one sample, in dbias and dweight of a channel.
using ParameterGradient = GradientSums;

class BackwardPass {
 public:
  /// `parameters` holds one row of channels per block of samples (per sample, where each has its
  /// own statistics).
  BackwardPass(const NormBackward& arguments, const NormRecord::State& state, std::int64_t block,
               std::span<ParameterGradient> parameters, Workspace::Arena& arena)
      : args_(arguments),
        state_(state),
        block_(state, block),
        walk_(block_.walk()),
        weights_(block_.weights(arguments.position_weights)),
        gamma_(or_constant(arguments.weight, 1, walk_.channels, arena)),
        beta_(or_constant(arguments.bias, 0, walk_.channels, arena)),
        arena_(arena),
        parameters_(parameters),
        through_statistics_(!state.frozen && arguments.dx),
        over_ranks_(!state.frozen && state.communicator != nullptr),
        first_sweep_(through_statistics_ || over_ranks_ || arguments.dresidual ||
                     !arguments.dweight.empty() || !arguments.dbias.empty()),
        units_(walk_, block_.across_samples(), state.partition.channels, state.dtype, 2,
               state.communicator != nullptr),
        dz_(place_of_dz()),
        streaming_(dz_.data != arguments.dx.data && streams(arguments.dx, arguments.dy)) {
    const Unit first = units_.at(0);
    scratch_ = arena.make<UnitScratch>(
        std::clamp<std::int64_t>(units_.count(), 1, units_.one_each ? units_.threads : 2));
    for (UnitScratch& s : scratch_) {
      s.dz = arena.take<double>(walk_.tiles_per_block(first.n1 - first.n0) * stride(first));
      s.products = arena.take<double>(static_cast<std::int64_t>(s.dz.size()));
      s.coefficients = LaneCoefficients(walk_, first.blocks(), arena);
      s.q = LaneValues(walk_, first.blocks(), arena);
      s.s = LaneValues(walk_, first.blocks(), arena);
    }
    lanes_ = arena.make<LaneScratch>(units_.threads);
    const std::int64_t blocks = Strips(walk_, first, units_.one_each ? 1 : units_.threads).blocks();
    for (LaneScratch& s : lanes_) s = LaneScratch(walk_, blocks, !weights_.empty(), arena);
    const std::int64_t groups =
        walk_.channels / state.partition.channels * (block_.across_samples() ? 1 : walk_.samples);
    group_sums_ = arena.take<GradientSums>(groups);
  }

  void run() {
    if (units_.one_each) {
      parallel_for(units_.count(), units_.threads, [&](std::int64_t i, int thread) {
        one_unit(units_.at(i), scratch_[static_cast<std::size_t>(thread)],
                 lanes_[static_cast<std::size_t>(thread)]);
      });
    } else {
      shared_units();
    }
  }

 private:
  // Where the first sweep leaves dz for the second. An act' that takes an exponential is dearer
  // than to write dz where dx will be, in the cache, and read it again; in f32, which rounds no
  // further. Not before ranks have met: the exchange may throw, and dx may be dy.
  TensorView place_of_dz() const {
    if (args_.dresidual) return args_.dresidual;
    if (over_ranks_) return {};
    const bool dear = derivative_from(state_.activation) == DerivativeFrom::kZ;
    return dear && first_sweep_ && state_.dtype == DType::kF32 ? args_.dx : TensorView{};
  }

  // Sums of a tile.
  std::int64_t stride(const Unit& unit) const { return unit.blocks() * walk_.block_channels; }
  std::size_t group_of(const Unit& unit, std::int64_t i) const {
    return static_cast<std::size_t>(block_.group_of(unit, block_.channel_of(unit, i)));
  }
  // Of the groups from the unit's i-th on.
  GradientSums* sums_of(const Unit& unit, std::int64_t i) const {
    const std::int64_t first =
        block_.across_samples() ? block_.index() * (walk_.channels / state_.partition.channels) : 0;
    return group_sums_.data() + (group_of(unit, i) - static_cast<std::size_t>(first));
  }
  void fill(GradientTile& tile, const TileRange& range, const Unit& unit, const Strips::Task& task,
            bool extreme, const UnitScratch& scratch, const LaneScratch& lanes) const {
    const std::int64_t offset = walk_.offset(range, task.l0);
    static_cast<Tile&>(tile) = block_.tile(range, task);
    tile.kept_lanes = kept_lanes(walk_, task.l1 - 1);
    tile.coefficients = scratch.coefficients.of_block(task.l0 - unit.l0, extreme);
    tile.x = at(block_.data(args_.x), state_.dtype, offset);
    tile.residual = at(block_.data(args_.residual), state_.dtype, offset);
    tile.dy = at(block_.data(args_.dy), state_.dtype, offset);
    tile.dy_second = at(block_.data(args_.dy_second), state_.dtype, offset);
    const ElementWeights w = element_weights(walk_, weights_, range, task.l0, lanes.weights);
    tile.weights = w.data;
    tile.weight_stride = w.segment_stride;
  }

  void sums_task(const Unit& unit, const Strips::Task& task, bool extreme,
                 const UnitScratch& scratch, const LaneScratch& lanes) const {
    const TileRange range = block_.range(unit, task);
    GradientMomentsTile tile;
    fill(tile, range, unit, task, extreme, scratch, lanes);
    tile.dz = at(block_.data(dz_), state_.dtype, walk_.offset(range, task.l0));
    const std::int64_t first = task.t * stride(unit) + (task.l0 - unit.l0) * walk_.block_channels;
    gradient_sums(walk_, task.l0, task.l1, tile, lanes, scratch.dz.data() + first,
                  scratch.products.data() + first);
  }

  // Σ over tiles; per channel for the parameters, Σ γ·r·dz and Σ γ·r·dz·x̂ for groups.
  void sum_groups(const Unit& unit, std::int64_t first, std::int64_t last,
                  const UnitScratch& scratch) const {
    GradientSums* const groups = sums_of(unit, first);
    std::fill_n(groups, last - first, GradientSums{});
    const std::int64_t tiles = walk_.tiles_per_block(unit.n1 - unit.n0);
    const std::int64_t row = block_.across_samples() ? block_.index() : unit.n0;
    const std::int64_t c0 = block_.channel_of(unit, first);
    block_.for_channels(unit, first, last, [&](std::int64_t c, const ChannelStatistics& of) {
      double dz[kChannelChunk] = {};
      double normalized[kChannelChunk] = {};
      for (std::int64_t t = 0; t < tiles; ++t) {
        const std::int64_t k = t * stride(unit) + c - block_.first_channel(unit);
        const double* tile_dz = scratch.dz.data() + k;
        const double* tile_products = scratch.products.data() + k;
        for (std::int64_t i = 0; i < of.count; ++i) {
          dz[i] += tile_dz[i];
          normalized[i] += tile_products[i];
        }
      }
      for (std::int64_t i = 0; i < of.count; ++i) {
        // m as the kernels have it.
        const double rounding = static_cast<double>(static_cast<float>(of.mean[i])) - of.mean[i];
        normalized[i] = of.rstd[i] * (normalized[i] + rounding * dz[i]);
      }
      if (!parameters_.empty()) {
        ParameterGradient* out =
            parameters_.data() + static_cast<std::size_t>(row * walk_.channels + c);
        for (std::int64_t i = 0; i < of.count; ++i) {
          out[i] = {dz[i], of.renorm ? of.r[i] * normalized[i] + of.d[i] * dz[i] : normalized[i]};
        }
      }
      for (std::int64_t i = 0; i < of.count; ++i) {
        const auto gamma = static_cast<double>(gamma_[static_cast<std::size_t>(c + i)]) *
                           (of.renorm ? of.r[i] : 1);
        groups[(c + i - c0) / state_.partition.channels] += {gamma * dz[i], gamma * normalized[i]};
      }
    });
  }

  // dx = … + w·(q·(x − m) + s); see DESIGN: x − μ_B = (x − m) + (m − μ_B).
  void form_shares(const Unit& unit, std::int64_t first, std::int64_t last,
                   const UnitScratch& scratch) const {
    const GradientSums* const groups = sums_of(unit, first);
    const std::size_t g0 = group_of(unit, first);
    const std::int64_t c0 = block_.channel_of(unit, first);
    const double kappa =
        state_.batch_share[block_.across_samples() ? static_cast<std::size_t>(block_.index()) : 0];
    block_.for_channels(unit, first, last, [&](std::int64_t c, const ChannelStatistics& of) {
      float qs[kChannelChunk];
      float ss[kChannelChunk];
      for (std::int64_t i = 0; i < of.count; ++i) {
        const std::int64_t g = (c + i - c0) / state_.partition.channels;
        const Moments& batch = state_.moments[g0 + static_cast<std::size_t>(g)];
        const double share = batch.count > 0 ? kappa / batch.count : 0;
        const double q = -share * of.rstd[i] * of.rstd[i] * groups[g].products;
        const double off_centre = static_cast<double>(static_cast<float>(of.mean[i])) - batch.mean;
        qs[i] = static_cast<float>(
            is_extreme(of.mean[i], of.rstd[i]) ? q / static_cast<double>(kExtremeScale) : q);
        ss[i] = static_cast<float>(-share * of.rstd[i] *
                                   (groups[g].dz + off_centre * of.rstd[i] * groups[g].products));
      }
      scratch.q.set(walk_, c - block_.first_channel(unit), qs, of.count);
      scratch.s.set(walk_, c - block_.first_channel(unit), ss, of.count);
    });
  }

  void affine_task(const Unit& unit, const Strips::Task& task, bool extreme,
                   const UnitScratch& scratch, const LaneScratch& lanes) const {
    const TileRange range = block_.range(unit, task);
    GradientAffineTile tile;
    fill(tile, range, unit, task, extreme, scratch, lanes);
    const std::int64_t offset = walk_.offset(range, task.l0);
    if (dz_) {  // it is there
      tile.dy = at(block_.data(dz_), state_.dtype, offset);
      tile.dy_second = nullptr;
      tile.activation = Activation::kNone;
    }
    if (through_statistics_) {
      tile.q = scratch.q.block(task.l0 - unit.l0);
      tile.s = scratch.s.block(task.l0 - unit.l0);
    }
    tile.dx = at(block_.data(args_.dx), state_.dtype, offset);
    tile.streaming = streaming_;
    gradient_affine(tile);
  }

  void one_unit(const Unit& unit, const UnitScratch& scratch, const LaneScratch& lanes) const {
    const std::int64_t groups = block_.group_count(unit);
    const Strips strips(walk_, unit, 1);
    const bool extreme = block_.form(unit, 0, groups, gamma_, beta_, scratch.coefficients);
    if (first_sweep_) {
      for (std::int64_t i = 0; i < strips.count(); ++i)
        sums_task(unit, strips.at(i), extreme, scratch, lanes);
      sum_groups(unit, 0, groups, scratch);
    }
    if (through_statistics_) form_shares(unit, 0, groups, scratch);
    if (!args_.dx) return;
    for (std::int64_t i = strips.count(); i-- > 0;)
      affine_task(unit, strips.at(i), extreme, scratch, lanes);
  }

  // The first sweep of a unit runs with the second of the unit before.
  void shared_units() {
    bool extreme_before = false;
    for (std::int64_t i = 0; i <= units_.count(); ++i) {
      const Unit now = i < units_.count() ? units_.at(i) : Unit{};
      const Unit before = i > 0 ? units_.at(i - 1) : Unit{};
      const UnitScratch& scratch = scratch_[static_cast<std::size_t>(i) % scratch_.size()];
      const UnitScratch& scratch_before =
          scratch_[static_cast<std::size_t>(i + 1) % scratch_.size()];
      const Strips tiles(walk_, now, units_.threads);
      const Strips strips(walk_, before, units_.threads);
      const bool extreme = now.blocks() > 0 && form_coefficients(now, scratch);
      run_sweeps(
          units_, first_sweep_ ? tiles.count() : 0, args_.dx ? strips.count() : 0,
          [&](std::int64_t k, int thread) {
            sums_task(now, tiles.at(k), extreme, scratch, lanes_[static_cast<std::size_t>(thread)]);
          },
          [&](std::int64_t k, int thread) {
            affine_task(before, strips.at(k), extreme_before, scratch_before,
                        lanes_[static_cast<std::size_t>(thread)]);
          });
      if (now.blocks() > 0) finish_sums(now, scratch);
      extreme_before = extreme;
    }
  }

  // Returns whether some are extreme.
  bool form_coefficients(const Unit& unit, const UnitScratch& scratch) const {
    std::atomic<bool> any_extreme{false};
    parallel_for_chunks(block_.group_count(unit), kGroupChunk, units_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          if (block_.form(unit, first, last, gamma_, beta_, scratch.coefficients))
                            any_extreme.store(true, std::memory_order_relaxed);
                        });
    return any_extreme.load();
  }

  void finish_sums(const Unit& unit, const UnitScratch& scratch) {
    const std::int64_t groups = block_.group_count(unit);
    if (over_ranks_) {
      sum_groups(unit, 0, groups, scratch);
      sum_groups_over_ranks();
    }
    parallel_for_chunks(groups, kGroupChunk, units_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          if (first_sweep_ && !over_ranks_) sum_groups(unit, first, last, scratch);
                          if (through_statistics_) form_shares(unit, first, last, scratch);
                        });
  }

  void sum_groups_over_ranks() {
    const std::span<double> values =
        arena_.take<double>(static_cast<std::int64_t>(2 * group_sums_.size()));
    for (std::size_t g = 0; g < group_sums_.size(); ++g) {
      values[2 * g] = group_sums_[g].dz;
      values[2 * g + 1] = group_sums_[g].products;
    }
    sum_over_ranks(*state_.communicator, values, arena_);
    for (std::size_t g = 0; g < group_sums_.size(); ++g)
      group_sums_[g] = {values[2 * g], values[2 * g + 1]};
  }

  const NormBackward& args_;
  const NormRecord::State& state_;
  const SampleBlock block_;
  const Walk& walk_;
  const std::span<const float> weights_;
  const std::span<const float> gamma_;
  const std::span<const float> beta_;
  Workspace::Arena& arena_;
  const std::span<ParameterGradient> parameters_;
  const bool through_statistics_;
  const bool over_ranks_;  // whatever this rank computes, the others wait for its sums
  const bool first_sweep_;
  const Units units_;
  const TensorView dz_;
  const bool streaming_;
  std::span<UnitScratch> scratch_;
  std::span<LaneScratch> lanes_;
  std::span<GradientSums> group_sums_;
};

}  // namespace

void backward(const NormBackward& arguments, const NormRecord::State& state,
              Workspace::Arena& arena) {
  if (state.shape.channels() == 0) return;
  const std::int64_t blocks = SampleBlock::count(state);
  const std::int64_t rows = state.across_samples ? blocks : state.shape.samples();
  const std::int64_t channels = state.shape.channels();
  std::span<ParameterGradient> parameters;
  if (!arguments.dweight.empty() || !arguments.dbias.empty()) {
    parameters = arena.take<ParameterGradient>(rows * channels);
  }
  for (std::int64_t block = 0; block < blocks; ++block) {
    const auto mark = arena.mark();
    BackwardPass(arguments, state, block, parameters, arena).run();
    arena.release(mark);
  }
  if (parameters.empty() && rows > 0) return;
  for (std::int64_t c = 0; c < channels; ++c) {
    ParameterGradient total;
    for (std::int64_t row = 0; row < rows; ++row)
      total += parameters[static_cast<std::size_t>(row * channels + c)];
    write_parameter_gradient(arguments, c, total);
  }
}

}  // namespace equipoise::norm
