#include <string>

#include "ops/function.h"
#include "ops/normalization.h"
#include "ops/normalization_attributes.h"
#include "ops/normalization_check.h"
#include "ops/normalization_statistics.h"
#include "ops/require.h"

namespace equipoise {
namespace {

/// What the gradient of one group's elements needs of all of them.
struct GroupSums {
  double du = 0;       // Σ γ·r·dz
  double du_unit = 0;  // Σ γ·r·dz·x̂, with x̂ = (x − μ)·rstd
};

}  // namespace

std::string_view NormGradient::type() const {
  switch (norm_.kind) {
    case NormKind::kBatch:
      return "batch_norm_gradient";
    case NormKind::kInstance:
      return "instance_norm_gradient";
    case NormKind::kGroup:
      return "group_norm_gradient";
    case NormKind::kLayer:
      return "layer_norm_gradient";
    case NormKind::kRms:
      return "rms_norm_gradient";
  }
  return "unknown";
}

Signature NormGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"},
                                                {"dy"},
                                                {"record"},
                                                {"weight", true},
                                                {"bias", true},
                                                {"residual", true},
                                                {"position_weights", true},
                                                {"dy_second", true}};
  static constexpr Signature::Port kOutputs[] = {
      {"dx", true}, {"dresidual", true}, {"dweight", true}, {"dbias", true}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> NormGradient::attributes() const { return attributes_of(norm_); }

std::vector<TensorType> NormGradient::infer(InputTypes inputs) const {
  const TensorType& x = *inputs[kX];
  const TensorType parameters{.shape = check_normalization(norm_, x)};
  require_shape("dy", *inputs[kDY], x.shape, "x");
  require_record("record", *inputs[kRecord]);
  for (const auto& [name, i] : {std::pair{"weight", kWeight}, std::pair{"bias", kBias}}) {
    if (inputs[i] != nullptr) require_shape(name, *inputs[i], parameters.shape, "in the forward");
  }
  if (inputs[kResidual] != nullptr) require_shape("residual", *inputs[kResidual], x.shape, "x");
  if (inputs[kDYSecond] != nullptr) require_shape("dy_second", *inputs[kDYSecond], x.shape, "x");
  if (inputs[kPositionWeights] != nullptr) {
    check_position_weights(norm_, x, *inputs[kPositionWeights]);
  }
  return {x, x, parameters, parameters};
}

void NormGradient::evaluate(const Evaluation& evaluation) const {
  const auto optional = [&](Input i) { return evaluation.inputs[static_cast<std::size_t>(i)]; };
  const Array& x = evaluation.input(kX);
  const Array& dy = evaluation.input(kDY);
  const Array* weight = optional(kWeight);
  const Array* bias = optional(kBias);
  const Array* residual = optional(kResidual);
  const Array* position_weights = optional(kPositionWeights);
  const Array* dy_second = optional(kDYSecond);
  const NormPartition partition(norm_, x.shape);
  const NormNotes notes = unpack_norm_notes(evaluation.input(kRecord));

  Array dz(x.shape);
  std::vector<GroupSums> sums(notes.groups.size());
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const NormElement at = partition.element(i);
    const NormGroup& group = notes.groups[static_cast<std::size_t>(at.group)];
    const double gamma = weight == nullptr ? 1 : (*weight)[at.parameter];
    const double beta = bias == nullptr ? 0 : (*bias)[at.parameter];
    const double unit = (x[i] - group.mean) * group.rstd;
    const double normalized = group.r * unit + group.d;
    const double z = gamma * normalized + beta + (residual == nullptr ? 0 : (*residual)[i]);
    const double incoming = dy[i] + (dy_second == nullptr ? 0 : (*dy_second)[i]);
    dz[i] = incoming * (notes.derivatives.empty()
                            ? derivative_of(norm_.activation, z, norm_.negative_slope)
                            : notes.derivatives[static_cast<std::size_t>(i)]);
    GroupSums& sum = sums[static_cast<std::size_t>(at.group)];
    sum.du += gamma * group.r * dz[i];
    sum.du_unit += gamma * group.r * dz[i] * unit;
    if (evaluation.wants(kDWeight)) evaluation.output(kDWeight)[at.parameter] += dz[i] * normalized;
    if (evaluation.wants(kDBias)) evaluation.output(kDBias)[at.parameter] += dz[i];
  }

  if (evaluation.wants(kDX)) {
    Array& dx = evaluation.output(kDX);
    for (std::int64_t i = 0; i < x.size(); ++i) {
      const NormElement at = partition.element(i);
      const NormGroup& group = notes.groups[static_cast<std::size_t>(at.group)];
      const GroupSums& sum = sums[static_cast<std::size_t>(at.group)];
      const double gamma = weight == nullptr ? 1 : (*weight)[at.parameter];
      const double w = position_weights == nullptr ? 1 : (*position_weights)[at.position];
      dx[i] = gamma * group.r * group.rstd * dz[i];
      // A select: what does not count may be NaN, and NaN · 0 is NaN.
      if (w == 0 || group.batch_share == 0) continue;
      const double through_mean = norm_.kind == NormKind::kRms ? 0 : sum.du;
      const double through_variance = (x[i] - group.batch.mean) * group.rstd * sum.du_unit;
      dx[i] -= group.batch_share * (w / group.batch.count) * group.rstd *
               (through_mean + through_variance);
    }
  }
  if (evaluation.wants(kDResidual)) evaluation.output(kDResidual).values = std::move(dz.values);
}

// 4 for the two sums over (x − m)·dz and dz; 5 for p·dz + q·(x − m) + s.
double NormGradient::flops(std::span<const Shape* const> inputs,
                           std::span<const Shape* const> /*outputs*/) const {
  const double per_element = 9 + (norm_.activation != Activation::kNone ? 2 : 0);
  return per_element * static_cast<double>(inputs[kX]->element_count());
}

}  // namespace equipoise
