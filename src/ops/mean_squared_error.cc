#include "ops/mean_squared_error.h"

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"

namespace equipoise {
namespace {

void check(const TensorType& x, const TensorType& target) {
  require_dtype("x", x, DType::kF32);
  require_dtype("target", target, DType::kF32);
  if (x.shape != target.shape) {
    fail_inference(fmt::format("x has shape {}, target {}; they have to be equal",
                               to_string(x.shape), to_string(target.shape)));
  }
}

}  // namespace

Signature MeanSquaredError::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"target"}};
  static constexpr Signature::Port kOutputs[] = {{"loss"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> MeanSquaredError::infer(InputTypes inputs) const {
  check(*inputs[kX], *inputs[kTarget]);
  return {TensorType{}};
}

void MeanSquaredError::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& target = evaluation.input(kTarget);
  double sum = 0;
  for (std::int64_t i = 0; i < x.size(); ++i) sum += (x[i] - target[i]) * (x[i] - target[i]);
  evaluation.output(0)[0] = sum / static_cast<double>(x.size());
}

void MeanSquaredError::differentiate(GradientWriter& writer) const {
  const TensorId x = writer.input(kX);
  const TensorId target = writer.input(kTarget);
  const TensorId dloss = writer.output_gradient(0);
  const auto gradient = std::make_shared<MeanSquaredErrorGradient>();
  if (writer.wants(kX)) writer.set(kX, writer.add_one("dx", gradient, {x, target, dloss}));
  if (writer.wants(kTarget)) {
    writer.set(kTarget, writer.add_one("dtarget", gradient, {target, x, dloss}));
  }
}

Signature MeanSquaredErrorGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}, {"target"}, {"dloss"}};
  static constexpr Signature::Port kOutputs[] = {{"dx"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> MeanSquaredErrorGradient::infer(InputTypes inputs) const {
  check(*inputs[kX], *inputs[kTarget]);
  require_rank("dloss", *inputs[kDLoss], 0);
  return {*inputs[kX]};
}

void MeanSquaredErrorGradient::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(kX);
  const Array& target = evaluation.input(kTarget);
  const double scale = 2 * evaluation.input(kDLoss)[0] / static_cast<double>(x.size());
  Array& dx = evaluation.output(0);
  for (std::int64_t i = 0; i < x.size(); ++i) dx[i] = scale * (x[i] - target[i]);
}

TensorId ops::mean_squared_error(Graph& graph, std::string name, TensorId x, TensorId target) {
  return graph.add_node(std::move(name), std::make_shared<MeanSquaredError>(), {x, target})[0];
}

}  // namespace equipoise
