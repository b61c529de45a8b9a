/// Cross-entropy of row-major logits.

#include "ops/cross_entropy.h"

#include <cmath>
#include <cstdint>

#include "base/parallel.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

struct Logits {
  std::int64_t samples, classes;
  double smoothing;
  int threads;

  /// Before anything is written. Calls visit(sample) for all of them.
  template <class Visit>
  void for_each(const std::int32_t* labels, const Visit& visit) const {
    for (std::int64_t n = 0; n < samples; ++n) check_label(labels[n], n, classes);
    parallel_for_chunks(samples, rows_per_task(classes), threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t n = first; n < last; ++n) visit(n);
                        });
  }
};

class Forward final : public Kernel {
 public:
  explicit Forward(const Logits& logits) : logits_(logits) {}

  void run(const Arguments& arguments) const override {
    const float* const logits = arguments.input(CrossEntropy::kLogits);
    const auto* const labels = arguments.input<std::int32_t>(CrossEntropy::kLabels);
    auto* const losses = static_cast<double*>(arguments.scratch);
    logits_.for_each(
        labels, [&](std::int64_t n) { losses[n] = loss(logits + n * logits_.classes, labels[n]); });
    double sum = 0;
    for (std::int64_t n = 0; n < logits_.samples; ++n) sum += losses[n];
    *arguments.output(0) = static_cast<float>(sum / static_cast<double>(logits_.samples));
  }

 private:
  /// log Σ e^x − Σ q·x, all around the largest x, so that nothing overflows.
  double loss(const float* x, std::int32_t label) const {
    const float largest = largest_of(x, logits_.classes);
    double loss = std::log(sum_of_exponentials(x, largest, logits_.classes));
    const auto from_largest = [&](std::int64_t k) {
      return static_cast<double>(x[k]) - static_cast<double>(largest);
    };
    // A class that is not asked for may have a logit of −∞.
    if (logits_.smoothing < 1) loss -= (1 - logits_.smoothing) * from_largest(label);
    if (logits_.smoothing > 0) {
      loss -= logits_.smoothing / static_cast<double>(logits_.classes) *
              sum_of(logits_.classes, from_largest);
    }
    return loss;
  }

  Logits logits_;
};

class Gradient final : public Kernel {
 public:
  explicit Gradient(const Logits& logits) : logits_(logits) {}

  void run(const Arguments& arguments) const override {
    const float* const logits = arguments.input(CrossEntropyGradient::kLogits);
    const auto* const labels = arguments.input<std::int32_t>(CrossEntropyGradient::kLabels);
    const auto scale = static_cast<double>(*arguments.input(CrossEntropyGradient::kDLoss)) /
                       static_cast<double>(logits_.samples);
    const double at_label = scale * (1 - logits_.smoothing);
    const auto elsewhere =
        static_cast<float>(scale * logits_.smoothing / static_cast<double>(logits_.classes));
    const std::int64_t classes = logits_.classes;
    logits_.for_each(labels, [&](std::int64_t n) {
      const float* x = logits + n * classes;
      float* dx = arguments.output(0) + n * classes;
      exponentials(x, largest_of(x, classes), dx, classes);
      const double sum = sum_of(classes, [&](std::int64_t k) { return dx[k]; });
      const auto of_label = static_cast<double>(dx[labels[n]]);
      const auto share = static_cast<float>(scale / sum);
      for (std::int64_t k = 0; k < classes; ++k) dx[k] = dx[k] * share - elsewhere;
      // In f64: near the end of training, the probability of the label cancels with 1.
      dx[labels[n]] =
          static_cast<float>(scale * (of_label / sum) - at_label - static_cast<double>(elsewhere));
    });
  }

 private:
  Logits logits_;
};

Logits describe_logits(const NodeContext& node, double smoothing) {
  const Shape& logits = node.input(0);
  return {
      .samples = logits[0], .classes = logits[1], .smoothing = smoothing, .threads = node.threads};
}

}  // namespace

Answer cross_entropy(const NodeContext& node) {
  const auto& operation = static_cast<const CrossEntropy&>(*node.node.operation);
  const Logits logits = describe_logits(node, operation.label_smoothing());
  Proposal proposal = in_layout(node, {}, std::make_unique<Forward>(logits));
  proposal.scratch_bytes = static_cast<std::size_t>(logits.samples) * sizeof(double);
  return proposal;
}

Answer cross_entropy_gradient(const NodeContext& node) {
  const auto& operation = static_cast<const CrossEntropyGradient&>(*node.node.operation);
  const Logits logits = describe_logits(node, operation.label_smoothing());
  Proposal proposal = in_layout(node, {}, std::make_unique<Gradient>(logits));
  proposal.in_place = {{0, CrossEntropyGradient::kLogits}};
  return proposal;
}

}  // namespace equipoise::engine
