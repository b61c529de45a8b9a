/// Sums over the dimensions along which a tensor had been repeated, of elements or of products of
/// two. Each is formed by one task, in an order that depends on shapes alone.

#include "ops/sum_to.h"

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"
#include "engine/simd/row_sum.h"

namespace equipoise::engine {
namespace {

/// A nest of x (operand 0) and y (1), of which y moves in some loops: those that are kept.
struct Reduction {
  Offsets start;
  std::vector<Loop> kept;
  std::vector<Loop> summed;  ///< at least one
  /// Whether neighbours in memory belong to neighbouring sums.
  bool by_columns;

  explicit Reduction(const Nest& nest) : start(nest.start) {
    for (const Loop& loop : nest.loops) (loop.strides[1] != 0 ? kept : summed).push_back(loop);
    const Loop& last = nest.loops.back();
    by_columns = last.strides[1] != 0 && last.strides[0] == 1;
    if (summed.empty()) summed.emplace_back();
  }

  std::span<const Loop> outer_summed() const { return std::span(summed).first(summed.size() - 1); }

  /// z, of the shape and format of x, may be null.
  void run(const float* x, const float* z, float* y, int threads) const {
    x += start[0];
    if (z != nullptr) z += start[0];
    y += start[1];
    by_columns ? run_columns(x, z, y, threads) : run_rows(x, z, y, threads);
  }

 private:
  static const float* moved(const float* z, std::int64_t offset) {
    return z == nullptr ? nullptr : z + offset;
  }

  void run_rows(const float* x, const float* z, float* y, int threads) const {
    const Loop& row = summed.back();
    const std::int64_t rows = rounds_of(outer_summed());
    const std::int64_t at_once = std::max<std::int64_t>(kTileElements / (rows * row.count), 1);
    parallel_for_chunks(
        rounds_of(kept), at_once, threads, [&](std::int64_t first, std::int64_t last) {
          for (std::int64_t k = first; k < last; ++k) {
            const Offsets at = offsets_at(kept, k);
            double sum = 0;
            for (std::int64_t r = 0; r < rows; ++r) {
              const Offsets in_row = offsets_at(outer_summed(), r);
              const std::int64_t first_of_row = at[0] + in_row[0];
              sum += sum_of(x + first_of_row, moved(z, first_of_row), row.count, row.strides[0]);
            }
            y[at[1]] = static_cast<float>(sum);
          }
        });
  }

  void run_columns(const float* x, const float* z, float* y, int threads) const {
    const Loop& row = summed.back();
    const Loop& column = kept.back();
    const std::span<const Loop> outer_kept = std::span(kept).first(kept.size() - 1);
    const std::int64_t rows = rounds_of(outer_summed());
    const std::int64_t columns = std::min(column.count, kSumColumns);
    const std::int64_t across = ceil_div(column.count, columns);
    const std::int64_t at_once =
        std::max<std::int64_t>(kTileElements / (rows * row.count * columns), 1);
    parallel_for_chunks(rounds_of(outer_kept) * across, at_once, threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t t = first; t < last; ++t) {
                            const Offsets at = offsets_at(outer_kept, t / across);
                            const std::int64_t c = t % across * columns;
                            const std::int64_t count = std::min(columns, column.count - c);
                            double sums[kSumColumns] = {};
                            for (std::int64_t r = 0; r < rows; ++r) {
                              const Offsets in_row = offsets_at(outer_summed(), r);
                              const std::int64_t first_of_row = at[0] + in_row[0] + c;
                              add_columns(x + first_of_row, moved(z, first_of_row), row.count,
                                          row.strides[0], count, sums);
                            }
                            for (std::int64_t i = 0; i < count; ++i) {
                              y[at[1] + (c + i) * column.strides[1]] = static_cast<float>(sums[i]);
                            }
                          }
                        });
  }
};

class SumToKernel final : public Kernel {
 public:
  SumToKernel(std::vector<Reduction> reductions, const Shape& y, Layout layout, int threads)
      : reductions_(std::move(reductions)), y_(y), layout_(layout), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const auto* x = arguments.input(0);
    const auto* z = arguments.inputs.size() > 1 ? arguments.input(1) : nullptr;
    auto* y = arguments.output(0);
    for (const Reduction& reduction : reductions_) reduction.run(x, z, y, threads_);
    zero_padding(y, y_, layout_, threads_);
  }

 private:
  std::vector<Reduction> reductions_;
  Shape y_;
  Layout layout_;
  int threads_;
};

}  // namespace

/// Also of multiply_sum_to, whose second input is as the first.
Answer sum_to(const NodeContext& node) {
  const Shape& x = node.input(0);
  const Shape& y = node.output(0);
  const Format format = kept_format(node, 0);
  const Format format_of_y = x.rank() == y.rank() ? format : Format{};
  const std::int64_t block = block_of(format.layout);
  const Strides strides[] = {strides_of(x, format.layout, block),
                             broadcast_strides(y, format_of_y.layout, x, block)};
  // Lanes of padding are zeros to be summed, unless a row-major y has no place for their sums.
  const bool fits = x.rank() == y.rank() || strides[1].lane == 0;
  std::vector<Reduction> reductions;
  for (const Nest& nest :
       nests_over(x, block, fits ? Padding::kIncluded : Padding::kLeftOut, strides)) {
    reductions.emplace_back(nest);
  }
  Proposal proposal;
  proposal.inputs.assign(node.node.inputs.size(), format);
  proposal.outputs = {format_of_y};
  proposal.kernel =
      std::make_unique<SumToKernel>(std::move(reductions), y, format_of_y.layout, node.threads);
  return proposal;
}

}  // namespace equipoise::engine
