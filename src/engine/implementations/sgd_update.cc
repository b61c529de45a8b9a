/// SGD, over parameter and velocity where they are (in inference, of copies), in the format of the
/// parameter.

#include "ops/sgd_update.h"

#include "engine/implementations/implementations.h"
#include "engine/implementations/update.h"

namespace equipoise::engine {
namespace {

class Update final : public ElementwiseKernel {
 public:
  Update(const ops::SgdOptions& options, std::int64_t elements, int threads)
      : ElementwiseKernel(elements, threads),
        momentum_(static_cast<float>(options.momentum)),
        weight_decay_(static_cast<float>(options.weight_decay)),
        nesterov_(options.nesterov) {}

  void run_part(const Arguments& arguments, std::int64_t first, std::int64_t last) const override {
    const auto updated = [&](int input, int output) {
      return updated_part(arguments, input, output, first, last);
    };
    float* const parameter = updated(SgdUpdate::kParameter, SgdUpdate::kNewParameter);
    float* const velocity = updated(SgdUpdate::kVelocity, SgdUpdate::kNewVelocity);
    const float* const gradient = arguments.input(SgdUpdate::kGradient) + first;
    const float rate = *arguments.input(SgdUpdate::kRate);
    const float scale = number_or(arguments, SgdUpdate::kScale, 1);
    if (velocity == nullptr) {
      plain(parameter, gradient, scale, rate, last - first);
    } else {
      with_momentum(parameter, gradient, velocity, scale, rate, last - first);
    }
  }

 private:
  void plain(float* __restrict parameter, const float* __restrict gradient, float scale, float rate,
             std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      parameter[i] -= rate * (scale * gradient[i] + weight_decay_ * parameter[i]);
    }
  }

  void with_momentum(float* __restrict parameter, const float* __restrict gradient,
                     float* __restrict velocity, float scale, float rate,
                     std::int64_t count) const {
    // rate·(g + momentum·v) with Nesterov, else rate·v.
    const float of_gradient = nesterov_ ? rate : 0;
    const float of_velocity = nesterov_ ? rate * momentum_ : rate;
    for (std::int64_t i = 0; i < count; ++i) {
      const float g = scale * gradient[i] + weight_decay_ * parameter[i];
      const float v = momentum_ * velocity[i] + g;
      velocity[i] = v;
      parameter[i] -= of_gradient * g + of_velocity * v;
    }
  }

  float momentum_, weight_decay_;
  bool nesterov_;
};

}  // namespace

Answer sgd_update(const NodeContext& node) {
  const auto& operation = static_cast<const SgdUpdate&>(*node.node.operation);
  Proposal proposal = in_format_of_parameter(node, [&](std::int64_t elements) {
    return std::make_unique<Update>(operation.options(), elements, node.threads);
  });
  proposal.inputs[SgdUpdate::kRate] = {};
  proposal.inputs[SgdUpdate::kScale] = {};
  return proposal;
}

}  // namespace equipoise::engine
