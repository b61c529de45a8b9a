#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/train.h"

namespace equipoise {
namespace {

/// −log softmax(logits) at the label.
double loss_of(std::span<const float> logits, std::size_t label) {
  const double largest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(static_cast<double>(logit) - largest);
  return std::log(sum) + largest - static_cast<double>(logits[label]);
}

bool is_right(std::span<const float> logits, std::int32_t label) {
  if (std::ranges::any_of(logits, [](float logit) { return std::isnan(logit); })) return false;
  return std::ranges::max_element(logits) - logits.begin() == label;
}

void add_batch(Evaluation& sums, const ConstTensorView& logits, const ConstTensorView& labels) {
  const bool fit = logits.shape.rank() == 2 && labels.shape == Shape{logits.shape[0]} &&
                   logits.dtype == DType::kF32 && labels.dtype == DType::kI32;
  if (!fit) {
    throw Error(fmt::format(
        "evaluate: logits are {} of {} and labels {} of {}; they have to be (N, K) of f32 and (N) "
        "of i32",
        to_string(logits.shape), to_string(logits.dtype), to_string(labels.shape),
        to_string(labels.dtype)));
  }
  const auto classes = static_cast<std::size_t>(logits.shape[1]);
  sums.classes.resize(classes);
  const auto* rows = static_cast<const float*>(logits.data);
  const auto* label = static_cast<const std::int32_t*>(labels.data);
  for (std::int64_t n = 0; n < logits.shape[0]; ++n, rows += classes, ++label) {
    if (*label < 0 || static_cast<std::size_t>(*label) >= classes) {
      throw Error(fmt::format("evaluate: label {} of sample {}; the {} classes are 0 to {}", *label,
                              sums.samples, classes, classes - 1));
    }
    const std::span<const float> row(rows, classes);
    const auto number = static_cast<std::size_t>(*label);
    const bool right = is_right(row, *label);
    sums.loss += loss_of(row, number);
    sums.accuracy += right ? 1 : 0;
    ++sums.samples;
    ++sums.classes[number].samples;
    sums.classes[number].right += right ? 1 : 0;
  }
}

}  // namespace

std::int64_t count_right(const ConstTensorView& logits, std::span<const std::int32_t> labels) {
  const auto classes = static_cast<std::size_t>(logits.shape[1]);
  const auto* rows = static_cast<const float*>(logits.data);
  std::int64_t right = 0;
  for (const std::int32_t label : labels) {
    if (is_right({rows, classes}, label)) ++right;
    rows += classes;
  }
  return right;
}

Evaluation evaluate(Session& session, BatchSource& source, State* state,
                    const ClassifierNames& names) {
  Evaluation result;
  source.start(0, 0);
  for (std::span<const Input> batch = source.next(); !batch.empty(); batch = source.next()) {
    const auto labels = std::ranges::find(batch, names.labels, &Input::name);
    if (labels == batch.end()) {
      throw Error(fmt::format("evaluate: a batch has no input '{}'", names.labels));
    }
    std::vector<Input> inputs(batch.begin(), batch.end());
    inputs.erase(inputs.begin() + (labels - batch.begin()));  // the loss alone reads it
    const Results results = session.run(inputs, {.state = state});
    add_batch(result, results.view(names.logits), labels->value);
  }
  if (result.samples == 0) throw Error("evaluate: there are no batches");
  result.loss /= static_cast<double>(result.samples);
  result.accuracy /= static_cast<double>(result.samples);
  return result;
}

}  // namespace equipoise
