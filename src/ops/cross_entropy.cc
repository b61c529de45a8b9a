#include "ops/cross_entropy.h"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/require.h"

namespace equipoise {
namespace {

void check(const TensorType& logits, const TensorType& labels, double label_smoothing) {
  require_dtype("logits", logits, DType::kF32);
  require_rank("logits", logits, 2);
  require_dtype("labels", labels, DType::kI32);
  if (labels.shape != GraphShape{logits.shape[0]}) {
    fail_inference(fmt::format("labels has shape {}, logits {}; there has to be one per row",
                               to_string(labels.shape), to_string(logits.shape)));
  }
  if (!(label_smoothing >= 0 && label_smoothing <= 1)) {
    fail_inference(fmt::format("label_smoothing is {}; it has to be in [0, 1]", label_smoothing));
  }
}

std::vector<Attribute> attributes_of(double label_smoothing) {
  if (label_smoothing == 0) return {};
  return {{"label_smoothing", label_smoothing}};
}

/// log Σ exp of one row, around its largest value, so that nothing overflows.
double log_sum_exp(std::span<const double> row) {
  const double largest = *std::ranges::max_element(row);
  double sum = 0;
  for (const double value : row) sum += std::exp(value - largest);
  return largest + std::log(sum);
}

/// q of one sample.
double target(std::int64_t k, std::int64_t label, std::int64_t classes, double smoothing) {
  return (k == label ? 1 - smoothing : 0) + smoothing / static_cast<double>(classes);
}

/// Calls visit(i, log softmax at i, q at i) for every element i of the logits.
void for_each_element(const Array& logits, const Array& labels, double smoothing, auto&& visit) {
  const std::int64_t classes = logits.shape[1];
  for (std::int64_t n = 0; n < logits.shape[0]; ++n) {
    const auto label = static_cast<std::int64_t>(labels[n]);
    check_label(label, n, classes);
    const double normalizer = log_sum_exp(
        std::span(logits.values)
            .subspan(static_cast<std::size_t>(n * classes), static_cast<std::size_t>(classes)));
    for (std::int64_t k = 0; k < classes; ++k) {
      const std::int64_t i = n * classes + k;
      visit(i, logits[i] - normalizer, target(k, label, classes, smoothing));
    }
  }
}

}  // namespace

Signature CrossEntropy::signature() const {
  static constexpr Signature::Port kInputs[] = {{"logits"}, {"labels"}};
  static constexpr Signature::Port kOutputs[] = {{"loss"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> CrossEntropy::attributes() const { return attributes_of(label_smoothing_); }

std::vector<TensorType> CrossEntropy::infer(InputTypes inputs) const {
  check(*inputs[kLogits], *inputs[kLabels], label_smoothing_);
  return {TensorType{}};
}

void CrossEntropy::evaluate(const Evaluation& evaluation) const {
  const Array& logits = evaluation.input(kLogits);
  double sum = 0;
  for_each_element(logits, evaluation.input(kLabels), label_smoothing_,
                   [&](std::int64_t /*i*/, double log_softmax, double q) {
                     // A class that is not asked for may have probability 0.
                     if (q != 0) sum -= q * log_softmax;
                   });
  evaluation.output(0)[0] = sum / static_cast<double>(logits.shape[0]);
}

void CrossEntropy::differentiate(GradientWriter& writer) const {
  if (!writer.wants(kLogits)) return;
  writer.set(
      kLogits,
      writer.add_one("dlogits", std::make_shared<CrossEntropyGradient>(label_smoothing_),
                     {writer.input(kLogits), writer.input(kLabels), writer.output_gradient(0)}));
}

Signature CrossEntropyGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"logits"}, {"labels"}, {"dloss"}};
  static constexpr Signature::Port kOutputs[] = {{"dlogits"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> CrossEntropyGradient::attributes() const {
  return attributes_of(label_smoothing_);
}

std::vector<TensorType> CrossEntropyGradient::infer(InputTypes inputs) const {
  check(*inputs[kLogits], *inputs[kLabels], label_smoothing_);
  require_scalar("dloss", *inputs[kDLoss]);
  return {*inputs[kLogits]};
}

void CrossEntropyGradient::evaluate(const Evaluation& evaluation) const {
  const Array& logits = evaluation.input(kLogits);
  const double scale = evaluation.input(kDLoss)[0] / static_cast<double>(logits.shape[0]);
  Array& dlogits = evaluation.output(0);
  for_each_element(logits, evaluation.input(kLabels), label_smoothing_,
                   [&](std::int64_t i, double log_softmax, double q) {
                     dlogits[i] = scale * (std::exp(log_softmax) - q);
                   });
}

void check_label(std::int64_t label, std::int64_t sample, std::int64_t classes) {
  if (label >= 0 && label < classes) return;
  throw Error(fmt::format("cross_entropy: sample {} has the label {}; labels are 0 to {}", sample,
                          label, classes - 1));
}

TensorId ops::cross_entropy(Graph& graph, std::string name, TensorId logits, TensorId labels,
                            double label_smoothing) {
  return graph.add_node(std::move(name), std::make_shared<CrossEntropy>(label_smoothing),
                        {logits, labels})[0];
}

}  // namespace equipoise
