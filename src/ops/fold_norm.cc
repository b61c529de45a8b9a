#include "ops/fold_norm.h"

#include <cmath>
#include <utility>

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/require.h"

namespace equipoise {

Signature FoldNorm::signature() const {
  static constexpr Signature::Port kInputs[] = {{"weight"},     {"bias", true}, {"gamma", true},
                                                {"beta", true}, {"mean"},       {"var"}};
  static constexpr Signature::Port kOutputs[] = {{"weight"}, {"bias"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> FoldNorm::attributes() const {
  return AttributeList().add("epsilon", epsilon_).list();
}

std::vector<TensorType> FoldNorm::infer(InputTypes inputs) const {
  const TensorType& weight = *inputs[kWeight];
  require_dtype("weight", weight, DType::kF32);
  if (weight.shape.rank() < 2 || weight.shape.batched()) {
    fail_inference(
        fmt::format("weight has shape {}; it needs at least 2 dimensions, none of them "
                    "the batch size",
                    to_string(weight.shape)));
  }
  const GraphShape channels{weight.shape[0]};
  for (const auto& [name, i] :
       {std::pair{"bias", kBias}, std::pair{"gamma", kGamma}, std::pair{"beta", kBeta},
        std::pair{"mean", kMean}, std::pair{"var", kVar}}) {
    if (inputs[i] != nullptr) require_shape(name, *inputs[i], channels, "one per row of weight");
  }
  return {weight, {.shape = channels}};
}

void FoldNorm::evaluate(const Evaluation& evaluation) const {
  const Array& weight = evaluation.input(kWeight);
  Array& folded = evaluation.output(kFoldedWeight);
  const std::int64_t channels = weight.shape[0];
  const std::int64_t per_channel = channels == 0 ? 0 : weight.size() / channels;
  const auto value = [&](Input i, std::int64_t o, double absent) {
    return evaluation.has(i) ? evaluation.input(i)[o] : absent;
  };
  for (std::int64_t o = 0; o < channels; ++o) {
    const double a = value(kGamma, o, 1) / std::sqrt(evaluation.input(kVar)[o] + epsilon_);
    for (std::int64_t i = o * per_channel; i < (o + 1) * per_channel; ++i) {
      folded[i] = a * weight[i];
    }
    evaluation.output(kFoldedBias)[o] =
        value(kBeta, o, 0) + a * (value(kBias, o, 0) - evaluation.input(kMean)[o]);
  }
}

double FoldNorm::flops(std::span<const Shape* const> inputs,
                       std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[kWeight]->element_count());
}

}  // namespace equipoise
