/// SGD, over parameter and velocity where they are (in inference, of copies), in the format of the
/// parameter.

#include "ops/sgd_update.h"

#include <algorithm>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

class Update final : public Kernel {
 public:
  Update(const ops::SgdOptions& options, std::int64_t elements, int threads)
      : momentum_(static_cast<float>(options.momentum)),
        weight_decay_(static_cast<float>(options.weight_decay)),
        nesterov_(options.nesterov),
        elements_(elements),
        threads_(threads) {}

  void run(const Arguments& arguments) const override {
    // Separate, for the compiler: parameter and velocity are each read and written by one pointer.
    float* const parameter = arguments.output(SgdUpdate::kNewParameter);
    float* const velocity = arguments.output(SgdUpdate::kNewVelocity);
    copy_unless_same(arguments.input(SgdUpdate::kParameter), parameter);
    if (velocity != nullptr) copy_unless_same(arguments.input(SgdUpdate::kVelocity), velocity);
    const float* const gradient = arguments.input(SgdUpdate::kGradient);
    const float rate = *arguments.input(SgdUpdate::kRate);
    parallel_for_chunks(elements_, kTile, threads_, [&](std::int64_t first, std::int64_t last) {
      if (velocity == nullptr) {
        plain(parameter + first, gradient + first, rate, last - first);
      } else {
        with_momentum(parameter + first, gradient + first, velocity + first, rate, last - first);
      }
    });
  }

 private:
  void copy_unless_same(const float* from, float* to) const {
    if (from != to) std::copy_n(from, elements_, to);
  }

  void plain(float* __restrict parameter, const float* __restrict gradient, float rate,
             std::int64_t count) const {
    for (std::int64_t i = 0; i < count; ++i) {
      parameter[i] -= rate * (gradient[i] + weight_decay_ * parameter[i]);
    }
  }

  void with_momentum(float* __restrict parameter, const float* __restrict gradient,
                     float* __restrict velocity, float rate, std::int64_t count) const {
    // rate·(g + momentum·v) with Nesterov, else rate·v.
    const float of_gradient = nesterov_ ? rate : 0;
    const float of_velocity = nesterov_ ? rate * momentum_ : rate;
    for (std::int64_t i = 0; i < count; ++i) {
      const float g = gradient[i] + weight_decay_ * parameter[i];
      const float v = momentum_ * velocity[i] + g;
      velocity[i] = v;
      parameter[i] -= of_gradient * g + of_velocity * v;
    }
  }

  float momentum_, weight_decay_;
  bool nesterov_;
  std::int64_t elements_;
  int threads_;
};

}  // namespace

Answer sgd_update(const NodeContext& node) {
  const auto& operation = static_cast<const SgdUpdate&>(*node.node.operation);
  const Format& format = node.format(SgdUpdate::kParameter);
  const auto elements = static_cast<std::int64_t>(
      bytes_of(format, node.input(SgdUpdate::kParameter), DType::kF32) / sizeof(float));
  Proposal proposal = in_layout(
      node, format, std::make_unique<Update>(operation.options(), elements, node.threads));
  proposal.inputs[SgdUpdate::kRate] = {};
  return proposal;
}

}  // namespace equipoise::engine
