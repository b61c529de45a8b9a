#include "equipoise/norm.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "base/parallel.h"
#include "base/round_up.h"
#include "equipoise/error.h"
#include "norm/backward.h"
#include "norm/check.h"
#include "norm/derivative.h"
#include "norm/forward.h"
#include "norm/group_moments.h"
#include "norm/record.h"
#include "norm/repeat.h"
#include "norm/rows_pass.h"
#include "norm/sample_block.h"
#include "norm/synchronize.h"
#include "norm/workspace.h"

namespace equipoise {

NormRecord::NormRecord() : state_(std::make_unique<State>()) {}
NormRecord::~NormRecord() = default;
NormRecord::NormRecord(NormRecord&&) noexcept = default;
NormRecord& NormRecord::operator=(NormRecord&&) noexcept = default;
std::span<const double> NormRecord::mean() const { return state_->mean; }
std::span<const double> NormRecord::rstd() const { return state_->rstd; }
std::span<const Moments> NormRecord::moments() const { return state_->moments; }

const char* to_string(Activation activation) {
  switch (activation) {
    case Activation::kNone:
      return "none";
    case Activation::kRelu:
      return "relu";
    case Activation::kRelu6:
      return "relu6";
    case Activation::kLeakyRelu:
      return "leaky_relu";
    case Activation::kSilu:
      return "silu";
    case Activation::kSigmoid:
      return "sigmoid";
    case Activation::kTanh:
      return "tanh";
    case Activation::kHardSwish:
      return "hard_swish";
  }
  return "unknown activation";
}

const char* to_string(Statistics statistics) {
  switch (statistics) {
    case Statistics::kBatch:
      return "batch";
    case Statistics::kRunning:
      return "running";
    case Statistics::kBlend:
      return "blend";
  }
  return "unknown statistics";
}

namespace {

using norm::Internals;
using norm::SampleBlock;

// The caller's workspace or one of the call's own, empty; the caller's is left ready for the same
// call again.
class ScratchArena {
 public:
  explicit ScratchArena(Workspace* workspace)
      : arena_(workspace != nullptr ? Internals::of(*workspace) : Internals::of(own_.emplace())) {}
  ~ScratchArena() {
    if (!own_) arena_.reset();
  }
  ScratchArena(const ScratchArena&) = delete;
  ScratchArena& operator=(const ScratchArena&) = delete;

  Workspace::Arena& operator*() { return arena_; }
  NormRecord::State& state_of(NormRecord* record) {
    return record != nullptr ? Internals::of(*record) : arena_.spare_record;
  }

 private:
  std::optional<Workspace> own_;
  Workspace::Arena& arena_;
};

void describe(const NormForward& a, Partition partition, bool keep_bits, NormRecord::State& state) {
  state.filled = false;
  state.shape = a.x.shape;
  state.layout = a.x.layout;
  state.dtype = a.x.dtype;
  state.partition = partition;
  state.across_samples = false;
  state.over_axes = false;
  state.centered = true;
  state.epsilon = a.epsilon;
  state.activation = a.activation;
  state.negative_slope = a.negative_slope;
  state.has_weight = !a.weight.empty();
  state.has_bias = !a.bias.empty();
  state.has_residual = static_cast<bool>(a.residual);
  state.has_position_weights = !a.position_weights.empty();
  state.frozen = false;
  state.communicator = nullptr;
  state.r.clear();
  state.d.clear();
  state.batch_share.assign(1, 1.0);
  state.has_bits = keep_bits && state.has_residual &&
                   norm::derivative_from(a.activation) == norm::DerivativeFrom::kBit;
}

// Of a sample without positions no tile would write them.
void clear_sample_moments_of_no_positions(const NormForward& a) {
  if (a.x.shape.positions() == 0) std::ranges::fill(a.sample_moments, Moments{});
}

// There is nothing to compute, and nothing to divide by.
void finish_without_channels(NormRecord::State& state) {
  state.mean.clear();
  state.rstd.clear();
  state.moments.clear();
  state.filled = true;
}

// Sizes what the passes over blocks of samples fill in.
void prepare_groups(NormRecord::State& state, bool with_moments, bool with_renorm) {
  const std::int64_t rows =
      state.across_samples ? SampleBlock::count(state) : state.shape.samples();
  const auto groups = static_cast<std::size_t>(
      rows * (state.shape.channels() / std::max<std::int64_t>(state.partition.channels, 1)));
  state.mean.resize(groups);
  state.rstd.resize(groups);
  state.moments.assign(with_moments ? groups : 0, Moments{});
  state.r.resize(with_renorm ? groups : 0);
  state.d.resize(with_renorm ? groups : 0);
  if (state.has_bits) {
    const norm::Walk walk = SampleBlock(state, 0).walk();
    state.bits.reserve(static_cast<std::size_t>(state.shape.samples() * walk.bits_per_sample()));
  }
}

void per_sample_norm(const NormForward& a, std::int64_t channels_per_group, NormRecord* record) {
  ScratchArena arena(a.workspace);
  NormRecord::State& state = arena.state_of(record);
  describe(a, {1, channels_per_group}, record != nullptr, state);
  if (a.x.shape.channels() == 0) return finish_without_channels(state);
  clear_sample_moments_of_no_positions(a);
  if (norm::goes_by_rows(state)) {
    norm::prepare_rows(state);
    norm::forward_rows(a, state, *arena);
  } else {
    prepare_groups(state, true, false);
    norm::forward(a, {}, state, *arena);
  }
  state.filled = true;
}

void norm_over_axes(const char* what, const NormForward& a, LayerAxes axes, bool centered,
                    NormRecord* record) {
  norm::check_tensor(what, "x", a.x);
  norm::check_forward(what, a, norm::checked_axes(what, a.x.shape, axes));
  if (!a.position_weights.empty() || !a.sample_moments.empty()) {
    throw Error(fmt::format(
        "{}: {} makes no sense where each position or sample has statistics of its own; "
        "for a masked layer norm of an image use group norm with one group",
        what, a.position_weights.empty() ? "sample_moments" : "position_weights"));
  }
  ScratchArena arena(a.workspace);
  NormRecord::State& state = arena.state_of(record);
  describe(a, {1, a.x.shape.channels()}, record != nullptr, state);
  state.over_axes = true;
  state.axes = axes;
  state.centered = centered;
  if (a.x.shape.channels() == 0) return finish_without_channels(state);
  norm::prepare_rows(state);
  norm::forward_rows(a, state, *arena);
  state.filled = true;
}

}  // namespace

void batch_norm(const NormForward& a, const BatchNormOptions& options, NormRecord* record) {
  norm::check_forward("batch norm", a, norm::per_channel(a.x.shape));
  norm::check_options(options, a);
  const bool running = options.statistics == Statistics::kRunning;
  const bool with_moments = !running || options.collect_moments;
  if (record == nullptr && with_moments) {
    throw Error("batch norm: statistics of the batch need a record to go to; give one");
  }
  if (!a.sample_moments.empty() && !with_moments) {
    throw Error(
        "batch norm: sample_moments, but running statistics normalize and nothing of the batch is "
        "computed; give none, or have it computed (collect_moments; of a layer, running_update)");
  }
  const std::int64_t samples = a.x.shape.samples();
  const std::int64_t whole_batch = std::max<std::int64_t>(samples, 1);
  const std::int64_t block_samples =
      options.ghost_batch_size > 0 ? std::min(options.ghost_batch_size, whole_batch) : whole_batch;
  const auto count_block = [&](std::int64_t block) {
    const std::int64_t first = block * block_samples;
    return norm::count_batch(a.position_weights, a.x.shape, first,
                             std::min(first + block_samples, samples));
  };
  const std::int64_t blocks = std::max<std::int64_t>(ceil_div(samples, block_samples), 1);
  // Ranks count together, once they have met.
  const auto counts_for = [&](Statistics statistics) {
    return options.statistics == statistics && options.communicator == nullptr;
  };
  for (std::int64_t block = 0; counts_for(Statistics::kBatch) && block < blocks; ++block) {
    norm::check_batch(options, count_block(block));
  }

  ScratchArena arena(a.workspace);
  NormRecord::State& state = arena.state_of(record);
  describe(a, {block_samples, 1}, record != nullptr, state);
  state.across_samples = true;
  state.frozen = running;
  state.communicator = with_moments ? options.communicator : nullptr;
  state.batch_share.assign(static_cast<std::size_t>(blocks), norm::batch_share(options, 0));
  for (std::int64_t block = 0; counts_for(Statistics::kBlend) && block < blocks; ++block) {
    state.batch_share[static_cast<std::size_t>(block)] =
        norm::batch_share(options, count_block(block).samples);
  }
  if (a.x.shape.channels() == 0) return finish_without_channels(state);
  clear_sample_moments_of_no_positions(a);
  prepare_groups(state, with_moments, options.renorm.has_value());
  BatchNormOptions used = options;
  used.communicator = state.communicator;
  norm::forward(a, used, state, *arena);
  state.filled = true;
}

void instance_norm(const NormForward& a, NormRecord* record) {
  norm::check_forward("instance norm", a, norm::per_channel(a.x.shape));
  per_sample_norm(a, 1, record);
}

void group_norm(const NormForward& a, std::int64_t groups, NormRecord* record) {
  norm::check_forward("group norm", a, norm::per_channel(a.x.shape));
  if (groups < 1 || a.x.shape.channels() % groups != 0) {
    throw Error(fmt::format(
        "group norm: {} groups do not divide the {} channels of x evenly; choose a divisor of {}",
        groups, a.x.shape.channels(), a.x.shape.channels()));
  }
  per_sample_norm(a, std::max<std::int64_t>(a.x.shape.channels() / groups, 1), record);
}

void layer_norm(const NormForward& a, LayerAxes axes, NormRecord* record) {
  norm_over_axes("layer norm", a, axes, true, record);
}

void rms_norm(const NormForward& a, LayerAxes axes, NormRecord* record) {
  norm_over_axes("RMS norm", a, axes, false, record);
}

void norm_repeat(const NormForward& arguments, const NormRecord& record) {
  const NormRecord::State& state = Internals::of(record);
  NormForward a = arguments;
  a.epsilon = state.epsilon;
  a.activation = state.activation;
  a.negative_slope = state.negative_slope;
  a.position_weights = {};
  a.sample_moments = {};
  norm::check_repeat(a, state);
  if (state.shape.channels() == 0) return;
  ScratchArena arena(a.workspace);
  if (norm::goes_by_rows(state)) {
    norm::repeat_rows(a, state, *arena);
  } else {
    norm::repeat(a, state, *arena);
  }
}

void norm_backward(const NormBackward& arguments, const NormRecord& record) {
  const NormRecord::State& state = Internals::of(record);
  NormBackward a = arguments;
  if (!norm::backward_reads_residual(state)) a.residual = {};
  norm::check_backward(a, state);
  if (state.shape.channels() == 0) {
    std::ranges::fill(a.dweight, 0.0F);
    std::ranges::fill(a.dbias, 0.0F);
    return;
  }
  ScratchArena arena(a.workspace);
  if (norm::goes_by_rows(state)) {
    norm::backward_rows(a, state, *arena);
  } else {
    norm::backward(a, state, *arena);
  }
}

void moments(const ConstTensorView& x, Partition partition, std::span<const float> position_weights,
             std::span<Moments> out, Workspace* workspace) {
  norm::check_tensor("moments", "x", x);
  norm::check_position_weights("moments", position_weights, x.shape);
  const Shape& shape = x.shape;
  if (partition.samples < 1 || partition.channels < 1 ||
      shape.channels() % partition.channels != 0) {
    throw Error(fmt::format(
        "moments: a partition of {} samples × {} channels of x {}; samples must be at least 1 and "
        "channels divide C",
        partition.samples, partition.channels, to_string(shape)));
  }
  if (partition.samples > 1 && partition.channels > 1) {
    throw Error(
        "moments: groups of several samples and several channels are no normalization's; use one "
        "or the other");
  }
  NormRecord::State state;
  state.shape = shape;
  state.layout = x.layout;
  state.dtype = x.dtype;
  state.partition = partition;
  state.across_samples = partition.samples > 1;
  const std::int64_t rows = state.across_samples ? SampleBlock::count(state) : shape.samples();
  const std::int64_t groups = rows * (shape.channels() / partition.channels);
  if (static_cast<std::int64_t>(out.size()) != groups) {
    throw Error(
        fmt::format("moments: room for {} results where the partition of x {} has {} groups",
                    out.size(), to_string(shape), groups));
  }
  norm::check_moments_apart(out, x, position_weights);
  ScratchArena arena(workspace);
  for (std::int64_t block = 0; block < (groups > 0 ? SampleBlock::count(state) : 0); ++block) {
    const SampleBlock samples(state, block);
    norm::merge_all(samples, norm::Elements(x, samples.data(x)), samples.weights(position_weights),
                    partition.channels, out, *arena);
  }
}

}  // namespace equipoise
