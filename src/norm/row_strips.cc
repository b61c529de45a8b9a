#include "norm/row_strips.h"

#include <algorithm>
#include <cmath>

#include "base/parallel.h"
#include "base/round_up.h"
#include "norm/output.h"
#include "norm/rows.h"
#include "norm/rows_tile.h"
#include "norm/sample_moments.h"
#include "norm/walk.h"

namespace equipoise::norm {
namespace {

struct Strip {
  std::int64_t first, length;
};

class ColumnStrips {
 public:
  explicit ColumnStrips(const RowChunks& chunks) : length_(chunks.length) {}

  std::int64_t count() const { return ceil_div(length_, kRowTile); }
  Strip at(std::int64_t i) const {
    return {i * kRowTile, std::min(kRowTile, length_ - i * kRowTile)};
  }

 private:
  std::int64_t length_;
};

void describe(RowsTile& tile, const RowChunks& chunks, const Strip& strip,
              const NormRecord::State& state, std::span<const float> weight,
              std::span<const float> bias) {
  describe(tile, chunks, {0, chunks.rows}, state);
  tile.length = strip.length;
  tile.weight = weight.data() + strip.first;
  tile.bias = bias.data() + strip.first;
  if (tile.bits != nullptr) tile.bits += strip.first / 8;
}

void sweep_strips(const RowChunks& chunks, const NormForward& arguments,
                  const NormRecord::State& state, bool writes_bits, Workspace::Arena& arena) {
  const ColumnStrips strips(chunks);
  const std::span<const float> weight = chunks.expanded(arguments.weight, 1, arena);
  const std::span<const float> bias = chunks.expanded(arguments.bias, 0, arena);
  const bool streaming = streams(arguments.y, arguments.x);
  parallel_for(strips.count(), threads_for(chunks, state.dtype), [&](std::int64_t i, int) {
    const Strip strip = strips.at(i);
    RowsForwardTile tile;
    describe(tile, chunks, strip, state, weight, bias);
    if (!writes_bits) tile.bits = nullptr;
    tile.x = at(arguments.x.data, state.dtype, strip.first);
    tile.residual = at(arguments.residual.data, state.dtype, strip.first);
    tile.y = at(arguments.y.data, state.dtype, strip.first);
    tile.streaming = streaming;
    tile.mean = state.mean.data();
    tile.rstd = state.rstd.data();
    rows_forward(tile);
  });
}

}  // namespace

void forward_strips(const RowChunks& chunks, const NormForward& arguments, NormRecord::State& state,
                    Workspace::Arena& arena) {
  const ColumnStrips strips(chunks);
  const std::span<Moments> partial = arena.take<Moments>(strips.count() * chunks.rows);
  parallel_for(strips.count(), threads_for(chunks, state.dtype), [&](std::int64_t i, int) {
    const Strip strip = strips.at(i);
    moments_of_runs({.x = at(arguments.x.data, state.dtype, strip.first),
                     .dtype = state.dtype,
                     .runs = chunks.rows,
                     .stride = chunks.length,
                     .length = strip.length,
                     .centered = state.centered},
                    partial.data() + i * chunks.rows);
  });
  for (std::int64_t r = 0; r < chunks.rows; ++r) {
    Moments moments;
    for (std::int64_t i = 0; i < strips.count(); ++i)
      moments = merge(moments, partial[static_cast<std::size_t>(i * chunks.rows + r)]);
    state.mean[static_cast<std::size_t>(r)] = moments.mean;
    state.rstd[static_cast<std::size_t>(r)] = 1 / std::sqrt(moments.variance() + state.epsilon);
    if (!state.moments.empty()) state.moments[static_cast<std::size_t>(r)] = moments;
  }
  if (!arguments.sample_moments.empty()) {  // before y is written: it may be x
    const int threads = threads_for(chunks, state.dtype);
    const Walk walk(state.shape, state.layout, state.shape.samples(), false);
    SampleMoments samples(Elements(arguments.x, arguments.x.data), walk, {}, threads,
                          arguments.sample_moments, arena);
    parallel_for(chunks.rows, threads, [&](std::int64_t row, int thread) {
      samples(row, 0, state.shape.channels(), thread);
    });
  }
  sweep_strips(chunks, arguments, state, true, arena);
}

void repeat_strips(const RowChunks& chunks, const NormForward& arguments,
                   const NormRecord::State& state, Workspace::Arena& arena) {
  sweep_strips(chunks, arguments, state, false, arena);
}

void backward_strips(const RowChunks& chunks, const NormBackward& arguments,
                     const NormRecord::State& state, Workspace::Arena& arena) {
  using Sweeps = RowsBackwardTile::Sweeps;
  const ColumnStrips strips(chunks);
  const int threads = threads_for(chunks, state.dtype);
  const std::span<const float> weight = chunks.expanded(arguments.weight, 1, arena);
  const std::span<const float> bias = chunks.expanded(arguments.bias, 0, arena);
  const auto tile_of = [&](const Strip& strip) {
    RowsBackwardTile tile;
    describe(tile, chunks, strip, state, weight, bias);
    tile.x = at(arguments.x.data, state.dtype, strip.first);
    tile.residual = at(arguments.residual.data, state.dtype, strip.first);
    tile.dy = at(arguments.dy.data, state.dtype, strip.first);
    tile.dy_second = at(arguments.dy_second.data, state.dtype, strip.first);
    tile.mean = state.mean.data();
    tile.rstd = state.rstd.data();
    tile.count = chunks.length;
    return tile;
  };

  const std::span<RowSums> partial = arena.take<RowSums>(strips.count() * chunks.rows);
  parallel_for(strips.count(), threads, [&](std::int64_t i, int) {
    RowsBackwardTile tile = tile_of(strips.at(i));
    tile.sweeps = Sweeps::kSums;
    tile.sums = partial.data() + i * chunks.rows;
    rows_backward(tile);
  });
  const std::span<RowSums> totals = arena.make<RowSums>(chunks.rows);
  for (std::size_t i = 0; i < partial.size(); ++i) {
    RowSums& total = totals[i % totals.size()];
    total.sums += partial[i].sums;
    total.huge = total.huge || partial[i].huge;
  }

  const bool parameters = !arguments.dweight.empty() || !arguments.dbias.empty();
  const bool streaming = streams(arguments.dx, arguments.dy);
  const std::span<ColumnSums> columns = arena.make<ColumnSums>(parameters ? threads : 0);
  for (ColumnSums& sums : columns) {
    sums.dz = arena.take<float>(kRowTile).data();
    sums.products = arena.take<float>(kRowTile).data();
  }
  parallel_for(strips.count(), threads, [&](std::int64_t i, int thread) {
    const Strip strip = strips.at(i);
    RowsBackwardTile tile = tile_of(strip);
    tile.sweeps = Sweeps::kRest;
    tile.sums = totals.data();
    tile.dz = at(arguments.dresidual.data, state.dtype, strip.first);
    tile.dx = at(arguments.dx.data, state.dtype, strip.first);
    tile.streaming = streaming;
    if (parameters) {
      tile.columns = &columns[static_cast<std::size_t>(thread)];
      tile.columns->unit = 1;
      std::fill_n(tile.columns->dz, kRowTile, 0.0F);
      std::fill_n(tile.columns->products, kRowTile, 0.0F);
    }
    rows_backward(tile);
    for (std::int64_t c = 0; c < strip.length && parameters; ++c) {
      const double unit = 1 / static_cast<double>(tile.columns->unit);
      write_parameter_gradient(arguments, strip.first + c,
                               {static_cast<double>(tile.columns->dz[c]) * unit,
                                static_cast<double>(tile.columns->products[c]) * unit});
    }
  });
}

}  // namespace equipoise::norm
