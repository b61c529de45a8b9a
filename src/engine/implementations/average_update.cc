/// Averages, where they are (in inference, of a copy), in the format of the average.

#include "ops/average_update.h"

#include <algorithm>

#include "engine/implementations/implementations.h"
#include "engine/implementations/update.h"

namespace equipoise::engine {
namespace {

class Update final : public ElementwiseKernel {
 public:
  using ElementwiseKernel::ElementwiseKernel;

  void run_part(const Arguments& arguments, std::int64_t first, std::int64_t last) const override {
    float* const average = updated_part(arguments, AverageUpdate::kAverage, 0, first, last);
    const float* const x = arguments.input(AverageUpdate::kX) + first;
    const float weight = *arguments.input(AverageUpdate::kWeight);
    if (weight == 1) {
      std::copy(x, x + (last - first), average);
    } else {
      move_towards(average, x, weight, last - first);
    }
  }

 private:
  static void move_towards(float* __restrict average, const float* __restrict x, float weight,
                           std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) average[i] += weight * (x[i] - average[i]);
  }
};

}  // namespace

Answer average_update(const NodeContext& node) {
  Proposal proposal = in_format_of_parameter(node, [&](std::int64_t elements) {
    return std::make_unique<Update>(elements, node.threads);
  });
  proposal.inputs[AverageUpdate::kWeight] = {};
  return proposal;
}

}  // namespace equipoise::engine
