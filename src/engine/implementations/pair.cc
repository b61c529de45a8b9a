/// Sums and products of two tensors that broadcast to each other.

#include "engine/simd/pair.h"

#include <utility>

#include "engine/implementations/copy.h"
#include "engine/implementations/implementations.h"
#include "engine/layout.h"

namespace equipoise::engine {
namespace {

class Pair final : public Kernel {
 public:
  Pair(PairOperation operation, std::vector<Nest> nests, const Shape& y, Layout layout, int threads)
      : operation_(operation),
        nests_(std::move(nests)),
        y_(y),
        layout_(layout),
        threads_(threads) {}

  void run(const Arguments& arguments) const override {
    const auto* a = arguments.input(0);
    const auto* b = arguments.input(1);
    auto* y = arguments.output(0);
    for (const Nest& nest : nests_) {
      for_tiles(nest, threads_, [&](const Tile& tile) { pair(operation_, nest, tile, y, a, b); });
    }
    zero_padding(y, y_, layout_, threads_);
  }

 private:
  PairOperation operation_;
  std::vector<Nest> nests_;
  Shape y_;
  Layout layout_;
  int threads_;
};

/// That of the input which is not repeated, or if neither is that of images between convolutions.
Format format_of_y(const NodeContext& node) {
  const Shape& y = node.output(0);
  const bool from_a = node.input(0) == y;
  const bool from_b = node.input(1) == y;
  if (!from_a && !from_b) return {};
  const Format a = kept_format(node, 0);
  const Format b = kept_format(node, 1);
  if (from_a && from_b) return b.layout == node.preferred ? b : a;
  return from_a ? a : b;
}

Answer propose(const NodeContext& node, PairOperation operation) {
  const Shape& y = node.output(0);
  const Format format = format_of_y(node);
  const std::int64_t block = block_of(format.layout);
  Proposal proposal;
  proposal.outputs = {format};
  Strides strides[kMostOperands] = {strides_of(y, format.layout, block)};
  for (int i = 0; i < 2; ++i) {
    const Shape& x = node.input(i);
    const Format wanted = x.rank() == y.rank() ? format : Format{};
    proposal.inputs.push_back(wanted);
    strides[i + 1] = broadcast_strides(x, wanted.layout, y, block);
    if (x == y) proposal.in_place.emplace_back(0, i);
  }
  const bool equal = node.input(0) == y && node.input(1) == y;
  proposal.kernel = std::make_unique<Pair>(
      operation, nests_over(y, block, equal ? Padding::kIncluded : Padding::kLeftOut, strides), y,
      format.layout, node.threads);
  return proposal;
}

}  // namespace

Answer add(const NodeContext& node) { return propose(node, PairOperation::kAdd); }
Answer multiply(const NodeContext& node) { return propose(node, PairOperation::kMultiply); }

}  // namespace equipoise::engine
