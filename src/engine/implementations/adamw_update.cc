/// AdamW, over parameter and moments where they are (in inference, of copies), in the format of the
/// parameter. Padding stays 0: there the gradient is.

#include "ops/adamw_update.h"

#include <cmath>

#include "engine/implementations/implementations.h"
#include "engine/implementations/update.h"

namespace equipoise::engine {
namespace {

class Update final : public ElementwiseKernel {
 public:
  Update(const ops::AdamWOptions& options, std::int64_t elements, int threads)
      : ElementwiseKernel(elements, threads), options_(options) {}

  void run_part(const Arguments& arguments, std::int64_t first, std::int64_t last) const override {
    const auto updated = [&](int input, int output) {
      return updated_part(arguments, input, output, first, last);
    };
    const auto rate = static_cast<double>(*arguments.input(AdamWUpdate::kRate));
    const auto count = static_cast<double>(*arguments.input(AdamWUpdate::kCount));
    const double of_exp_avg_sq = 1 - std::pow(options_.beta2, count);
    step({.scale = number_or(arguments, AdamWUpdate::kScale, 1),
          .kept = static_cast<float>(1 - rate * options_.weight_decay),
          .rate = static_cast<float>(rate / (1 - std::pow(options_.beta1, count))),
          .of_root = static_cast<float>(1 / std::sqrt(of_exp_avg_sq)),
          .beta1 = static_cast<float>(options_.beta1),
          .beta2 = static_cast<float>(options_.beta2),
          .epsilon = static_cast<float>(options_.epsilon)},
         updated(AdamWUpdate::kParameter, AdamWUpdate::kNewParameter),
         arguments.input(AdamWUpdate::kGradient) + first,
         updated(AdamWUpdate::kExpAvg, AdamWUpdate::kNewExpAvg),
         updated(AdamWUpdate::kExpAvgSq, AdamWUpdate::kNewExpAvgSq), last - first);
  }

 private:
  /// With the corrections of bias in them: p ← kept·p − rate·m/(√v·of_root + ε).
  struct Coefficients {
    float scale, kept, rate, of_root, beta1, beta2, epsilon;
  };

  static void step(const Coefficients& c, float* __restrict parameter,
                   const float* __restrict gradient, float* __restrict exp_avg,
                   float* __restrict exp_avg_sq, std::int64_t count) {
    for (std::int64_t i = 0; i < count; ++i) {
      const float g = c.scale * gradient[i];
      // As m + (1 − β)·(g − m), a rounding near 0 where g is near m.
      const float m = exp_avg[i] + (1 - c.beta1) * (g - exp_avg[i]);
      const float v = c.beta2 * exp_avg_sq[i] + (1 - c.beta2) * g * g;
      exp_avg[i] = m;
      exp_avg_sq[i] = v;
      parameter[i] = c.kept * parameter[i] - c.rate * m / (std::sqrt(v) * c.of_root + c.epsilon);
    }
  }

  ops::AdamWOptions options_;
};

}  // namespace

Answer adamw_update(const NodeContext& node) {
  const auto& operation = static_cast<const AdamWUpdate&>(*node.node.operation);
  Proposal proposal = in_format_of_parameter(node, [&](std::int64_t elements) {
    return std::make_unique<Update>(operation.options(), elements, node.threads);
  });
  proposal.inputs[AdamWUpdate::kRate] = {};
  proposal.inputs[AdamWUpdate::kCount] = {};
  proposal.inputs[AdamWUpdate::kScale] = {};
  return proposal;
}

}  // namespace equipoise::engine
