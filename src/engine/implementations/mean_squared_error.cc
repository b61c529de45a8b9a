/// Mean squared error, in whatever layout x comes: the padding of blocks is 0 in both.

#include "ops/mean_squared_error.h"

#include "base/parallel.h"
#include "base/round_up.h"
#include "engine/implementations/implementations.h"
#include "engine/implementations/planes.h"
#include "engine/implementations/rows.h"

namespace equipoise::engine {
namespace {

struct Elements {
  std::int64_t count;   ///< that the mean is of
  std::int64_t stored;  ///< with the padding of blocks
  int threads;
};

class Forward final : public Kernel {
 public:
  explicit Forward(const Elements& elements) : elements_(elements) {}

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(MeanSquaredError::kX);
    const float* const target = arguments.input(MeanSquaredError::kTarget);
    auto* const sums = static_cast<double*>(arguments.scratch);
    parallel_for_chunks(
        elements_.stored, kTile, elements_.threads, [&](std::int64_t first, std::int64_t last) {
          sums[first / kTile] = sum_of(last - first, [&](std::int64_t i) {
            const double difference =
                static_cast<double>(x[first + i]) - static_cast<double>(target[first + i]);
            return difference * difference;
          });
        });
    double sum = 0;
    for (std::int64_t first = 0; first < elements_.stored; first += kTile)
      sum += sums[first / kTile];
    *arguments.output(0) = static_cast<float>(sum / static_cast<double>(elements_.count));
  }

 private:
  Elements elements_;
};

class Gradient final : public Kernel {
 public:
  explicit Gradient(const Elements& elements) : elements_(elements) {}

  void run(const Arguments& arguments) const override {
    const float* const x = arguments.input(MeanSquaredErrorGradient::kX);
    const float* const target = arguments.input(MeanSquaredErrorGradient::kTarget);
    float* const dx = arguments.output(0);
    const auto scale = static_cast<float>(
        2 * static_cast<double>(*arguments.input(MeanSquaredErrorGradient::kDLoss)) /
        static_cast<double>(elements_.count));
    parallel_for_chunks(elements_.stored, kTile, elements_.threads,
                        [&](std::int64_t first, std::int64_t last) {
                          for (std::int64_t i = first; i < last; ++i) {
                            dx[i] = scale * (x[i] - target[i]);
                          }
                        });
  }

 private:
  Elements elements_;
};

Elements elements_of(const NodeContext& node, const Format& format) {
  return {.count = node.input(0).element_count(),
          .stored = storage_elements(node.input(0), format.layout),
          .threads = node.threads};
}

}  // namespace

Answer mean_squared_error(const NodeContext& node) {
  const Format format = activation_format(node, MeanSquaredError::kX);
  const Elements elements = elements_of(node, format);
  Proposal proposal = in_layout(node, format, std::make_unique<Forward>(elements));
  proposal.outputs[0] = {};
  proposal.scratch_bytes =
      static_cast<std::size_t>(ceil_div(elements.stored, kTile)) * sizeof(double);
  return proposal;
}

Answer mean_squared_error_gradient(const NodeContext& node) {
  const Format format = activation_format(node, MeanSquaredErrorGradient::kX);
  Proposal proposal =
      in_layout(node, format, std::make_unique<Gradient>(elements_of(node, format)));
  proposal.inputs[MeanSquaredErrorGradient::kDLoss] = {};
  proposal.in_place = {{0, MeanSquaredErrorGradient::kX}, {0, MeanSquaredErrorGradient::kTarget}};
  return proposal;
}

}  // namespace equipoise::engine
