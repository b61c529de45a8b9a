#include "engine/implementations/copy.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "base/parallel.h"
#include "engine/layout.h"

namespace equipoise::engine {
namespace {

constexpr std::int64_t kSide = 16;

/// A transposed square by way of the stack: loads and stores of whole cache lines only, since those
/// of single elements of x and y would wait for each other where addresses end alike.
void transpose_square(float* y, std::int64_t y_stride, const float* x, std::int64_t x_stride) {
  float square[kSide * kSide];
  for (std::int64_t c = 0; c < kSide; ++c) {
    std::memcpy(square + c * kSide, x + c * x_stride, kSide * sizeof(float));
  }
  for (std::int64_t r = 0; r < kSide; ++r) {
    float line[kSide];
    for (std::int64_t c = 0; c < kSide; ++c) line[c] = square[c * kSide + r];
    std::memcpy(y + r * y_stride, line, sizeof(line));
  }
}

/// Rows whose elements are apart in x: squares, so that each cache line of x is used while it is
/// there.
void copy_squares(float* y, const float* x, const Tile& tile, const Loop& row, const Loop& column) {
  const bool transposed = column.strides[0] == 1 && row.strides[1] == 1;
  for (std::int64_t r0 = 0; r0 < tile.rows; r0 += kSide) {
    const std::int64_t r1 = std::min(r0 + kSide, tile.rows);
    for (std::int64_t c0 = 0; c0 < tile.columns; c0 += kSide) {
      const std::int64_t c1 = std::min(c0 + kSide, tile.columns);
      if (transposed && r1 - r0 == kSide && c1 - c0 == kSide) {
        transpose_square(y + r0 * row.strides[0] + c0, row.strides[0],
                         x + r0 + c0 * column.strides[1], column.strides[1]);
        continue;
      }
      for (std::int64_t r = r0; r < r1; ++r) {
        for (std::int64_t c = c0; c < c1; ++c) {
          y[r * row.strides[0] + c * column.strides[0]] =
              x[r * row.strides[1] + c * column.strides[1]];
        }
      }
    }
  }
}

void copy_tile(float* y, const float* x, const Tile& tile, const Loop& row, const Loop& column) {
  y += tile.start[0];
  x += tile.start[1];
  if (column.strides[0] != 1 || column.strides[1] != 1) {
    copy_squares(y, x, tile, row, column);
    return;
  }
  const auto bytes = static_cast<std::size_t>(tile.columns) * sizeof(float);
  for (std::int64_t r = 0; r < tile.rows; ++r) {
    std::memcpy(y + r * row.strides[0], x + r * row.strides[1], bytes);
  }
}

class Copy final : public Kernel {
 public:
  explicit Copy(CopyPlan plan) : plan_(std::move(plan)) {}

  void run(const Arguments& arguments) const override {
    auto* y = arguments.output(0);
    if (plan_.fill) {
      parallel_for_chunks(storage_elements(plan_.y, plan_.layout), kTileElements, plan_.threads,
                          [&](std::int64_t first, std::int64_t last) {
                            std::fill(y + first, y + last, *plan_.fill);
                          });
    }
    for (const CopyPlan::Part& part : plan_.parts) {
      const auto* x = arguments.input(part.input);
      const std::vector<Loop>& loops = part.nest.loops;
      for_tiles(part.nest, plan_.threads, [&](const Tile& tile) {
        copy_tile(y, x, tile, loops[loops.size() - 2], loops.back());
      });
    }
    zero_padding(y, plan_.y, plan_.layout, plan_.threads);
  }

 private:
  CopyPlan plan_;
};

bool is_identity(const CopyPlan& plan) {
  return plan.parts.size() == 1 && !plan.fill && plan.parts[0].nest.is_identity() &&
         plan.parts[0].nest.loops.back().count == storage_elements(plan.y, plan.layout);
}

}  // namespace

void add_region(CopyPlan& plan, int input, const Shape& x, const Region& region) {
  const std::int64_t block = block_of(plan.layout);
  const Strides strides[] = {strides_of(plan.y, plan.layout), strides_of(x, plan.layout)};
  std::vector<Nest> nests = nests_over(region.size, block, Padding::kIncluded, strides);
  for (Nest& nest : nests) {
    for (int d = 0; d < x.rank(); ++d) {
      const auto i = static_cast<std::size_t>(d);
      const std::int64_t unit = d == 1 ? block : 1;
      assert(region.first_in_x[i] % unit == 0 && region.first_in_y[i] % unit == 0);
      nest.start[0] += region.first_in_y[i] / unit * strides[0].along[i];
      nest.start[1] += region.first_in_x[i] / unit * strides[1].along[i];
    }
    plan.parts.push_back({input, std::move(nest)});
  }
}

Proposal copy(const NodeContext& node, std::vector<Format> inputs, CopyPlan plan) {
  Proposal proposal;
  proposal.inputs = std::move(inputs);
  proposal.outputs = {{.layout = plan.layout}};
  // A reorder in between is the plan's own memory, too.
  const bool own = node.graph.tensor(node.node.inputs[0]).role == TensorRole::kResult ||
                   !(node.format(0) == proposal.inputs[0]);
  if (own && is_identity(plan)) {
    proposal.alias = true;
    return proposal;
  }
  plan.threads = node.threads;
  proposal.kernel = std::make_unique<Copy>(std::move(plan));
  return proposal;
}

Format kept_format(const NodeContext& node, int i) {
  return node.input(i).rank() < 3 || node.format(i).weights ? Format{} : node.format(i);
}

}  // namespace equipoise::engine
