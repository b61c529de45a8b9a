#include "ops/function.h"
#include "ops/normalization.h"
#include "ops/normalization_attributes.h"
#include "ops/normalization_check.h"
#include "ops/normalization_statistics.h"
#include "ops/require.h"

namespace equipoise {

std::string_view NormRepeat::type() const {
  switch (norm_.kind) {
    case NormKind::kBatch:
      return "batch_norm_repeat";
    case NormKind::kInstance:
      return "instance_norm_repeat";
    case NormKind::kGroup:
      return "group_norm_repeat";
    case NormKind::kLayer:
      return "layer_norm_repeat";
    case NormKind::kRms:
      return "rms_norm_repeat";
  }
  return "unknown";
}

Signature NormRepeat::signature() const {
  static constexpr Signature::Port kInputs[] = {
      {"x"}, {"record"}, {"weight", true}, {"bias", true}, {"residual", true}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> NormRepeat::attributes() const { return attributes_of(norm_); }

std::vector<TensorType> NormRepeat::infer(InputTypes inputs) const {
  const TensorType& x = *inputs[kX];
  const GraphShape parameters = check_normalization(norm_, x);
  require_record("record", *inputs[kRecord]);
  for (const auto& [name, i] : {std::pair{"weight", kWeight}, std::pair{"bias", kBias}}) {
    if (inputs[i] != nullptr) require_shape(name, *inputs[i], parameters, "in the forward");
  }
  if (inputs[kResidual] != nullptr) require_shape("residual", *inputs[kResidual], x.shape, "x");
  return {x};
}

void NormRepeat::evaluate(const Evaluation& evaluation) const {
  const auto value = [&](Input input, std::int64_t i, double otherwise) {
    const Array* array = evaluation.inputs[static_cast<std::size_t>(input)];
    return array == nullptr ? otherwise : (*array)[i];
  };
  const Array& x = evaluation.input(kX);
  const NormPartition partition(norm_, x.shape);
  const NormNotes notes = unpack_norm_notes(evaluation.input(kRecord));
  Array& y = evaluation.output(0);
  for (std::int64_t i = 0; i < x.size(); ++i) {
    const NormElement at = partition.element(i);
    const NormGroup& group = notes.groups[static_cast<std::size_t>(at.group)];
    const double normalized = group.r * (x[i] - group.mean) * group.rstd + group.d;
    const double z = value(kWeight, at.parameter, 1) * normalized + value(kBias, at.parameter, 0) +
                     value(kResidual, i, 0);
    y[i] = value_of(norm_.activation, z, norm_.negative_slope);
  }
}

// 3 for a·(x − m) + b.
double NormRepeat::flops(std::span<const Shape* const> inputs,
                         std::span<const Shape* const> /*outputs*/) const {
  const double per_element =
      3 + (inputs[kResidual] != nullptr ? 1 : 0) + (norm_.activation != Activation::kNone ? 1 : 0);
  return per_element * static_cast<double>(inputs[kX]->element_count());
}

}  // namespace equipoise
