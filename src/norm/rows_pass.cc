#include "norm/rows_pass.h"

#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <optional>

#include "base/parallel.h"
#include "base/round_up.h"
#include "norm/output.h"
#include "norm/row_chunks.h"
#include "norm/row_strips.h"
#include "norm/rows.h"
#include "norm/rows_tile.h"
#include "norm/sample_moments.h"

namespace equipoise::norm {
namespace {

// Planes of this size and up are long enough to be runs of their own.
constexpr std::int64_t kSmallPlane = 256;

// The rows of a chunk of a tensor: where they are, or a copy of them.
class ChunkBuffer {
 public:
  ChunkBuffer() = default;
  ChunkBuffer(const RowChunks& chunks, bool exists, DType dtype, Workspace::Arena& arena) {
    if (exists && chunks.copied()) {
      copy_ =
          arena.take<std::byte>(chunks.chunk_elements() * static_cast<std::int64_t>(size_of(dtype)))
              .data();
    }
  }

  const void* in(const RowChunks& chunks, const RowChunks::Chunk& chunk,
                 const ConstTensorView& tensor) const {
    if (!tensor) return nullptr;
    if (copy_ == nullptr) return at(tensor.data, tensor.dtype, chunk.first * chunks.length);
    chunks.gather(chunk, tensor, copy_);
    return copy_;
  }
  void* out(const RowChunks& chunks, const RowChunks::Chunk& chunk,
            const TensorView& tensor) const {
    return copy_ != nullptr ? copy_ : at(tensor.data, tensor.dtype, chunk.first * chunks.length);
  }
  void done(const RowChunks& chunks, const RowChunks::Chunk& chunk,
            const TensorView& tensor) const {
    if (copy_ != nullptr) chunks.scatter(chunk, copy_, tensor);
  }

 private:
  void* copy_ = nullptr;
};

// Zeroes the channels that pad the last block of a blocked layout; rows do not hold them.
void zero_all_padding(const TensorView& tensor, int threads) {
  if (!tensor) return;
  const Walk walk(tensor.shape, tensor.layout, tensor.shape.samples(), false);
  const std::int64_t last = walk.blocks - 1;
  if (last < 0 || !walk.has_padding(last)) return;
  const std::int64_t channels = walk.channels_in(last);
  const auto bytes = static_cast<std::size_t>(walk.block_lanes - channels) * size_of(tensor.dtype);
  parallel_for(tensor.shape.samples(), threads, [&](std::int64_t n, int) {
    const std::int64_t first = n * walk.sample_stride + last * walk.block_stride + channels;
    for (std::int64_t s = 0; s < walk.steps; ++s) {
      std::memset(at(tensor.data, tensor.dtype, first + s * walk.step_stride), 0, bytes);
    }
  });
}

}  // namespace

bool goes_by_rows(const NormRecord::State& state) {
  if (state.over_axes) return true;
  const std::int64_t positions = state.shape.positions();
  const bool plain = state.layout == Layout::kChannelsFirst ||
                     (state.layout == Layout::kChannelsLast && positions == 1);
  if (state.across_samples || state.has_position_weights || !plain) return false;
  const std::int64_t length = state.partition.channels * positions;
  const bool whole_vectors = length % 16 == 0 || state.partition.channels == state.shape.channels();
  return whole_vectors &&
         (positions == 1 || (positions < kSmallPlane && state.partition.channels > 1));
}

void prepare_rows(NormRecord::State& state) {
  const RowChunks chunks(state);
  state.mean.resize(static_cast<std::size_t>(chunks.rows * chunks.groups));
  state.rstd.resize(state.mean.size());
  // Layer and RMS normalization have too many groups, of a few elements perhaps.
  state.moments.resize(state.over_axes ? 0 : state.mean.size());
  if (state.has_bits)
    state.bits.reserve(static_cast<std::size_t>(chunks.rows * chunks.bits_stride()));
  if (chunks.chunks == 0) {  // rows without elements, if any
    std::ranges::fill(state.mean, 0.0);
    std::ranges::fill(state.rstd, 1 / std::sqrt(state.epsilon));
    std::ranges::fill(state.moments, Moments{});
  }
}

namespace {

// Statistics are computed where `fresh`, the record itself, can take them, else they are there.
void sweep_rows(const RowChunks& chunks, const NormForward& arguments,
                const NormRecord::State& state, NormRecord::State* fresh, Workspace::Arena& arena) {
  const int threads = threads_for(chunks, state.dtype);
  const std::span<const float> weight = chunks.expanded(arguments.weight, 1, arena);
  const std::span<const float> bias = chunks.expanded(arguments.bias, 0, arena);
  struct Buffers {
    ChunkBuffer x, residual, y;
  };
  const std::span<Buffers> buffers = arena.make<Buffers>(threads);
  for (Buffers& b : buffers) {
    b.x = ChunkBuffer(chunks, true, state.dtype, arena);
    b.residual = ChunkBuffer(chunks, state.has_residual, state.dtype, arena);
    b.y = ChunkBuffer(chunks, true, state.dtype, arena);
  }
  std::optional<SampleMoments> samples;
  if (!arguments.sample_moments.empty()) {
    const Walk walk(state.shape, state.layout, state.shape.samples(), false);
    samples.emplace(Elements(arguments.x, arguments.x.data), walk, arguments.position_weights,
                    threads, arguments.sample_moments, arena);
  }
  const bool streaming = streams(arguments.y, arguments.x) && !chunks.copied();
  parallel_for(chunks.chunks, threads, [&](std::int64_t i, int thread) {
    const RowChunks::Chunk chunk = chunks.at(i);
    const Buffers& b = buffers[static_cast<std::size_t>(thread)];
    for (std::int64_t row = chunk.first; row < chunk.first + chunk.rows && samples; ++row) {
      (*samples)(row, 0, state.shape.channels(), thread);
    }
    RowsForwardTile tile;
    describe(tile, chunks, chunk, state);
    tile.weight = weight.data();
    tile.bias = bias.data();
    tile.x = b.x.in(chunks, chunk, arguments.x);
    tile.residual = b.residual.in(chunks, chunk, arguments.residual);
    tile.y = b.y.out(chunks, chunk, arguments.y);
    tile.streaming = streaming;
    tile.epsilon = state.epsilon;
    const std::int64_t first_group = chunk.first * chunks.groups;
    tile.mean = state.mean.data() + first_group;
    tile.rstd = state.rstd.data() + first_group;
    if (fresh != nullptr) {
      tile.new_mean = fresh->mean.data() + first_group;
      tile.new_rstd = fresh->rstd.data() + first_group;
      if (!fresh->moments.empty()) tile.new_moments = fresh->moments.data() + first_group;
    } else {
      tile.bits = nullptr;
    }
    rows_forward(tile);
    b.y.done(chunks, chunk, arguments.y);
  });
  if (chunks.copied()) zero_all_padding(arguments.y, threads);
}

}  // namespace

void forward_rows(const NormForward& arguments, NormRecord::State& state, Workspace::Arena& arena) {
  const RowChunks chunks(state);
  if (chunks.in_strips()) return forward_strips(chunks, arguments, state, arena);
  sweep_rows(chunks, arguments, state, &state, arena);
}

void repeat_rows(const NormForward& arguments, const NormRecord::State& state,
                 Workspace::Arena& arena) {
  const RowChunks chunks(state);
  if (chunks.in_strips()) return repeat_strips(chunks, arguments, state, arena);
  sweep_rows(chunks, arguments, state, nullptr, arena);
}

namespace {

// Of rows whose columns f32 has added up.
void write_parameter_gradients(const NormBackward& out, const RowChunks& chunks,
                               std::span<const ColumnSums> sums, int threads) {
  const std::int64_t each = chunks.per_parameter;
  const std::int64_t count = chunks.length / each;
  // Whole cache lines of a chunk, and sums that stay in the first-level cache.
  constexpr std::int64_t kParameters = 32;
  constexpr std::int64_t kMost = kParameters * 32;
  assert(each <= kMost / kParameters);
  parallel_for(ceil_div(count, kParameters), threads, [&](std::int64_t task, int) {
    const std::int64_t first = task * kParameters;
    const std::int64_t parameters = std::min(kParameters, count - first);
    double dz[kMost] = {};
    double products[kMost] = {};
    for (const ColumnSums& rows : sums) {
      const double unit = 1 / static_cast<double>(rows.unit);
      const float* of_dz = rows.dz + first * each;
      const float* of_products = rows.products + first * each;
      for (std::int64_t i = 0; i < parameters * each; ++i) {
        dz[i] += static_cast<double>(of_dz[i]) * unit;
        products[i] += static_cast<double>(of_products[i]) * unit;
      }
    }
    for (std::int64_t c = 0; c < parameters; ++c) {
      GradientSums total;
      for (std::int64_t i = c * each; i < (c + 1) * each; ++i) total += {dz[i], products[i]};
      write_parameter_gradient(out, first + c, total);
    }
  });
}

// Of runs, one of each parameter in each row.
void write_parameter_gradients(const NormBackward& out, const RowChunks& chunks,
                               std::span<const GradientSums> runs, int threads) {
  const std::int64_t count = chunks.length / chunks.run;
  parallel_for_chunks(count, 64, threads, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t c = first; c < last; ++c) {
      GradientSums total;
      for (std::int64_t r = 0; r < chunks.rows; ++r)
        total += runs[static_cast<std::size_t>(r * count + c)];
      write_parameter_gradient(out, c, total);
    }
  });
}

}  // namespace

void backward_rows(const NormBackward& arguments, const NormRecord::State& state,
                   Workspace::Arena& arena) {
  const RowChunks chunks(state);
  if (chunks.chunks == 0) {
    std::ranges::fill(arguments.dweight, 0.0F);
    std::ranges::fill(arguments.dbias, 0.0F);
    return;
  }
  if (chunks.in_strips()) return backward_strips(chunks, arguments, state, arena);
  const int threads = threads_for(chunks, state.dtype);
  const std::span<const float> weight = chunks.expanded(arguments.weight, 1, arena);
  const std::span<const float> bias = chunks.expanded(arguments.bias, 0, arena);
  const bool parameters = !arguments.dweight.empty() || !arguments.dbias.empty();
  const std::int64_t sums_of_chunk = ceil_div(chunks.chunk_rows, kSummedRows);
  const std::span<ColumnSums> columns =
      arena.make<ColumnSums>(parameters && chunks.run == 1 ? chunks.chunks * sums_of_chunk : 0);
  for (ColumnSums& sums : columns) {
    sums.dz = arena.take<float>(chunks.padded_length()).data();
    sums.products = arena.take<float>(chunks.padded_length()).data();
  }
  const std::int64_t runs_of_row = chunks.length / chunks.run;
  const std::span<GradientSums> runs =
      arena.take<GradientSums>(chunks.run > 1 ? chunks.rows * runs_of_row : 0);
  const bool streaming = streams(arguments.dx, arguments.dy) && !chunks.copied();
  struct Buffers {
    ChunkBuffer x, residual, dy, dy_second, dz, dx;
  };
  const std::span<Buffers> buffers = arena.make<Buffers>(threads);
  for (Buffers& b : buffers) {
    b.x = ChunkBuffer(chunks, true, state.dtype, arena);
    b.residual = ChunkBuffer(chunks, static_cast<bool>(arguments.residual), state.dtype, arena);
    b.dy = ChunkBuffer(chunks, true, state.dtype, arena);
    b.dy_second = ChunkBuffer(chunks, static_cast<bool>(arguments.dy_second), state.dtype, arena);
    b.dz = ChunkBuffer(chunks, static_cast<bool>(arguments.dresidual), state.dtype, arena);
    b.dx = ChunkBuffer(chunks, static_cast<bool>(arguments.dx), state.dtype, arena);
  }
  parallel_for(chunks.chunks, threads, [&](std::int64_t i, int thread) {
    const RowChunks::Chunk chunk = chunks.at(i);
    const Buffers& b = buffers[static_cast<std::size_t>(thread)];
    RowsBackwardTile tile;
    describe(tile, chunks, chunk, state);
    tile.weight = weight.data();
    tile.bias = bias.data();
    tile.x = b.x.in(chunks, chunk, arguments.x);
    tile.residual = b.residual.in(chunks, chunk, arguments.residual);
    tile.dy = b.dy.in(chunks, chunk, arguments.dy);
    tile.dy_second = b.dy_second.in(chunks, chunk, arguments.dy_second);
    tile.dz = b.dz.out(chunks, chunk, arguments.dresidual);
    tile.dx = b.dx.out(chunks, chunk, arguments.dx);
    tile.mean = state.mean.data() + chunk.first * chunks.groups;
    tile.rstd = state.rstd.data() + chunk.first * chunks.groups;
    tile.streaming = streaming;
    tile.count = chunks.length / chunks.groups;
    if (chunks.run > 1) {
      tile.runs = runs.data() + chunk.first * runs_of_row;
    } else if (parameters) {
      tile.columns = columns.data() + i * sums_of_chunk;
      for (std::int64_t k = 0; k < sums_of_chunk; ++k) {
        std::fill_n(tile.columns[k].dz, chunks.padded_length(), 0.0F);
        std::fill_n(tile.columns[k].products, chunks.padded_length(), 0.0F);
      }
    }
    rows_backward(tile);
    if (arguments.dresidual) b.dz.done(chunks, chunk, arguments.dresidual);
    if (arguments.dx) b.dx.done(chunks, chunk, arguments.dx);
  });
  if (chunks.copied()) {
    zero_all_padding(arguments.dresidual, threads);
    zero_all_padding(arguments.dx, threads);
  }
  if (!parameters) return;
  if (chunks.run > 1) {
    write_parameter_gradients(arguments, chunks, runs, threads);
  } else {
    write_parameter_gradients(arguments, chunks, columns, threads);
  }
}

}  // namespace equipoise::norm
