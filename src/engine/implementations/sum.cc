/// Sums of tensors of one shape, added from left to right.

#include <algorithm>
#include <utility>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/nest.h"
#include "engine/simd/pair.h"

namespace equipoise::engine {
namespace {

class Sum final : public Kernel {
 public:
  Sum(std::size_t terms, std::int64_t count, int threads)
      : terms_(static_cast<int>(terms)), count_(count), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    auto* y = arguments.output(0);
    // All terms of a chunk before the next one: the sum so far stays in the cache.
    parallel_for_chunks(count_, kTileElements, threads_,
                        [&](std::int64_t first, std::int64_t last) {
                          const auto* so_far = arguments.input(0) + first;
                          for (int i = 1; i < terms_; ++i) {
                            add(so_far, arguments.input(i) + first, y + first, last - first);
                            so_far = y + first;
                          }
                        });
  }

 private:
  int terms_;
  std::int64_t count_;
  int threads_;
};

}  // namespace

Answer sum(const NodeContext& node) {
  if (node.node.inputs.size() < 2) return "one term is no sum";
  // Also weights in a form of oneDNN's: their padding is zero in all of them.
  Format format = node.format(0);
  for (const Format& other : node.formats) {
    if (!other.weights && !other.plain() && other.layout == node.preferred) format = other;
  }
  Proposal proposal;
  proposal.inputs.assign(node.node.inputs.size(), format);
  proposal.outputs = {format};
  // Not over a later term: the first two are written before it is read.
  proposal.in_place = {{0, 0}, {0, 1}};
  const std::size_t bytes = bytes_of(format, node.output(0), DType::kF32);
  proposal.kernel = std::make_unique<Sum>(
      node.node.inputs.size(), static_cast<std::int64_t>(bytes / sizeof(float)), node.threads);
  return proposal;
}

}  // namespace equipoise::engine
