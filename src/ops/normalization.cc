#include "ops/normalization.h"

#include <fmt/format.h>

#include "equipoise/error.h"
#include "graph/differentiate.h"
#include "norm/derivative.h"
#include "ops/function.h"
#include "ops/normalization_attributes.h"
#include "ops/normalization_check.h"
#include "ops/normalization_statistics.h"
#include "ops/require.h"

namespace equipoise {

bool is_frozen(const Graph& graph, const Node& norm) {
  bool has_any = false;
  for (const TensorId id : {norm.inputs[Norm::kWeight], norm.inputs[Norm::kBias]}) {
    if (!id) continue;
    if (!graph.tensor(id).frozen) return false;
    has_any = true;
  }
  return has_any;
}

bool gradient_reads_residual(Activation activation) {
  return norm::derivative_from(activation) == norm::DerivativeFrom::kZ;
}

std::string_view Norm::type() const { return to_string(norm_.kind); }

Signature Norm::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"},
                                                {"weight", true},
                                                {"bias", true},
                                                {"running_mean", true},
                                                {"running_var", true},
                                                {"residual", true},
                                                {"position_weights", true}};
  static constexpr Signature::Port kOutputs[] = {{"y"}, {"record", true}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Norm::attributes() const { return attributes_of(norm_); }

std::vector<TensorType> Norm::infer(InputTypes inputs) const {
  const TensorType& x = *inputs[kX];
  const GraphShape parameters = check_normalization(norm_, x);
  const std::string_view of = parameters == GraphShape{x.shape[1]} ? "one per channel of x"
                                                                   : "the trailing dimensions of x";
  if (inputs[kWeight] != nullptr) require_shape("weight", *inputs[kWeight], parameters, of);
  if (inputs[kBias] != nullptr) require_shape("bias", *inputs[kBias], parameters, of);
  check_running(norm_, x, inputs[kRunningMean], inputs[kRunningVar]);
  if (inputs[kResidual] != nullptr) require_shape("residual", *inputs[kResidual], x.shape, "x");
  if (inputs[kPositionWeights] != nullptr) {
    check_position_weights(norm_, x, *inputs[kPositionWeights]);
  }
  return {x, TensorType{.record = true}};
}

void Norm::evaluate(const Evaluation& evaluation) const {
  const auto optional = [&](Input i) { return evaluation.inputs[static_cast<std::size_t>(i)]; };
  const Array& x = evaluation.input(kX);
  const Array* weight = optional(kWeight);
  const Array* bias = optional(kBias);
  const Array* residual = optional(kResidual);
  const NormPartition partition(norm_, x.shape);
  NormNotes notes{
      .groups = normalization_statistics(norm_, partition, x, optional(kPositionWeights),
                                         optional(kRunningMean), optional(kRunningVar)),
      .derivatives = {}};
  const bool notes_derivatives = residual != nullptr && norm_.activation != Activation::kNone &&
                                 !gradient_reads_residual(norm_.activation);

  Array& y = evaluation.output(kY);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const NormElement at = partition.element(i);
    const NormGroup& group = notes.groups[static_cast<std::size_t>(at.group)];
    const double normalized = group.r * (x[i] - group.mean) * group.rstd + group.d;
    const double gamma = weight == nullptr ? 1 : (*weight)[at.parameter];
    const double beta = bias == nullptr ? 0 : (*bias)[at.parameter];
    const double z = gamma * normalized + beta + (residual == nullptr ? 0 : (*residual)[i]);
    y[i] = value_of(norm_.activation, z, norm_.negative_slope);
    if (notes_derivatives) {
      notes.derivatives.push_back(derivative_of(norm_.activation, z, norm_.negative_slope));
    }
  }
  if (evaluation.wants(kRecord)) evaluation.output(kRecord) = pack(notes);
}

void Norm::differentiate(GradientWriter& writer) const {
  if (!writer.output(kRecord)) {
    throw Error(fmt::format("node '{}': {} was built without its record, which its gradient needs",
                            writer.node_name(), type()));
  }
  const bool wanted[] = {writer.wants(kX), writer.wants(kResidual), writer.wants(kWeight),
                         writer.wants(kBias)};
  if (!wanted[0] && !wanted[1] && !wanted[2] && !wanted[3]) return;
  const std::vector<TensorId> gradients =
      writer.add("gradient", std::make_shared<NormGradient>(norm_),
                 {writer.input(kX), writer.output_gradient(kY), writer.output(kRecord),
                  writer.input(kWeight), writer.input(kBias),
                  gradient_reads_residual(norm_.activation) ? writer.input(kResidual) : TensorId{},
                  writer.input(kPositionWeights), TensorId{}},
                 wanted);
  writer.set(kX, gradients[NormGradient::kDX]);
  writer.set(kResidual, gradients[NormGradient::kDResidual]);
  writer.set(kWeight, gradients[NormGradient::kDWeight]);
  writer.set(kBias, gradients[NormGradient::kDBias]);
}

// 4 for the moments, (x − k), its sum, its square and their sum; 3 for a·(x − m) + b.
double Norm::flops(std::span<const Shape* const> inputs,
                   std::span<const Shape* const> /*outputs*/) const {
  const double per_element =
      7 + (inputs[kResidual] != nullptr ? 1 : 0) + (norm_.activation != Activation::kNone ? 1 : 0);
  return per_element * static_cast<double>(inputs[kX]->element_count());
}

}  // namespace equipoise
