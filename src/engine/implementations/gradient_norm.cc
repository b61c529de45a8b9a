/// The norm of all gradients together, in whatever format each comes: padding is 0.

#include "ops/gradient_norm.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

struct Part {
  int input;
  std::int64_t first, count;
};

class SumOfSquares final : public Kernel {
 public:
  SumOfSquares(std::vector<Part> parts, int threads)
      : parts_(std::move(parts)), threads_(threads) {}

  void run(const Arguments& arguments) const override {
    auto* const sums = static_cast<double*>(arguments.scratch);
    parallel_for(static_cast<std::int64_t>(parts_.size()), threads_, [&](std::int64_t t, int) {
      const Part& part = parts_[static_cast<std::size_t>(t)];
      const float* values = arguments.input(part.input) + part.first;
      sums[t] = sum_of(part.count, [&](std::int64_t i) {
        const auto g = static_cast<double>(values[i]);
        return g * g;
      });
    });
    double sum = 0;
    for (std::size_t t = 0; t < parts_.size(); ++t) sum += sums[t];
    // The gate takes a norm that is not finite for a gradient that is not.
    constexpr double kLargest = std::numeric_limits<float>::max();
    const double norm = std::isfinite(sum) ? std::min(std::sqrt(sum), kLargest) : sum;
    *arguments.output(0) = static_cast<float>(norm);
  }

 private:
  std::vector<Part> parts_;
  int threads_;
};

}  // namespace

Answer gradient_norm(const NodeContext& node) {
  std::vector<Part> parts;
  for (std::size_t i = 0; i < node.node.inputs.size(); ++i) {
    const auto elements = static_cast<std::int64_t>(
        bytes_of(node.formats[i], node.input_shapes[i], DType::kF32) / sizeof(float));
    for (std::int64_t first = 0; first < elements; first += kTile) {
      parts.push_back({static_cast<int>(i), first, std::min(kTile, elements - first)});
    }
  }
  const std::size_t scratch_bytes = parts.size() * sizeof(double);
  Proposal proposal =
      in_layout(node, {}, std::make_unique<SumOfSquares>(std::move(parts), node.threads));
  proposal.inputs = node.formats;
  proposal.scratch_bytes = scratch_bytes;
  return proposal;
}

}  // namespace equipoise::engine
