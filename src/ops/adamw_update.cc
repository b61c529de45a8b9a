#include "ops/adamw_update.h"

#include <cmath>

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/require.h"

namespace equipoise {
namespace {

void require_decay_rate(std::string_view name, double value) {
  if (!(value >= 0 && value < 1)) {
    fail_inference(fmt::format("{} is {}; it has to be at least 0 and less than 1", name, value));
  }
}

}  // namespace

Signature AdamWUpdate::signature() const {
  static constexpr Signature::Port kInputs[] = {{"parameter"},  {"gradient"}, {"exp_avg"},
                                                {"exp_avg_sq"}, {"rate"},     {"count"},
                                                {"scale", true}};
  static constexpr Signature::Port kOutputs[] = {
      {"new_parameter"}, {"new_exp_avg"}, {"new_exp_avg_sq"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> AdamWUpdate::attributes() const {
  const ops::AdamWOptions standard;
  return AttributeList()
      .add("beta1", options_.beta1, standard.beta1)
      .add("beta2", options_.beta2, standard.beta2)
      .add("epsilon", options_.epsilon, standard.epsilon)
      .add("weight_decay", options_.weight_decay, standard.weight_decay)
      .list();
}

std::vector<TensorType> AdamWUpdate::infer(InputTypes inputs) const {
  const TensorType& parameter = *inputs[kParameter];
  require_dtype("parameter", parameter, DType::kF32);
  require_shape("gradient", *inputs[kGradient], parameter.shape, "parameter");
  require_shape("exp_avg", *inputs[kExpAvg], parameter.shape, "parameter");
  require_shape("exp_avg_sq", *inputs[kExpAvgSq], parameter.shape, "parameter");
  require_scalar("rate", *inputs[kRate]);
  require_scalar("count", *inputs[kCount]);
  if (inputs[kScale] != nullptr) require_scalar("scale", *inputs[kScale]);
  require_decay_rate("beta1", options_.beta1);
  require_decay_rate("beta2", options_.beta2);
  if (!(options_.epsilon > 0 && std::isfinite(options_.epsilon))) {
    fail_inference(
        fmt::format("epsilon is {}; it has to be finite and positive", options_.epsilon));
  }
  require_not_negative("weight_decay", options_.weight_decay);
  return {parameter, parameter, parameter};
}

void AdamWUpdate::evaluate(const Evaluation& evaluation) const {
  const Array& parameter = evaluation.input(kParameter);
  const double rate = evaluation.input(kRate)[0];
  const double count = evaluation.input(kCount)[0];
  const double scale = evaluation.has(kScale) ? evaluation.input(kScale)[0] : 1;
  const double of_exp_avg = 1 - std::pow(options_.beta1, count);
  const double of_exp_avg_sq = 1 - std::pow(options_.beta2, count);
  for (std::int64_t i = 0; i < parameter.size(); ++i) {
    const double g = scale * evaluation.input(kGradient)[i];
    const double m = options_.beta1 * evaluation.input(kExpAvg)[i] + (1 - options_.beta1) * g;
    const double v = options_.beta2 * evaluation.input(kExpAvgSq)[i] + (1 - options_.beta2) * g * g;
    const double decayed = (1 - rate * options_.weight_decay) * parameter[i];
    evaluation.output(kNewParameter)[i] =
        decayed - rate * (m / of_exp_avg) / (std::sqrt(v / of_exp_avg_sq) + options_.epsilon);
    if (evaluation.wants(kNewExpAvg)) evaluation.output(kNewExpAvg)[i] = m;
    if (evaluation.wants(kNewExpAvgSq)) evaluation.output(kNewExpAvgSq)[i] = v;
  }
}

int AdamWUpdate::updates(int output) const {
  static constexpr int kUpdated[] = {kParameter, kExpAvg, kExpAvgSq};
  return kUpdated[output];
}

double AdamWUpdate::flops(std::span<const Shape* const> inputs,
                          std::span<const Shape* const> /*outputs*/) const {
  // One of the scale, three of m, four of v, four of the step with its root and quotient, one of
  // the decay.
  constexpr double kPerElement = 13;
  return kPerElement * static_cast<double>(inputs[kParameter]->element_count());
}

void ops::adamw_update(Graph& graph, std::string name, TensorId parameter, TensorId gradient,
                       const AdamWMoments& moments, TensorId rate, TensorId count,
                       const AdamWOptions& options) {
  static constexpr bool kWanted[] = {true, true, true};
  graph.add_node(std::move(name), std::make_shared<AdamWUpdate>(options),
                 {parameter, gradient, moments.exp_avg, moments.exp_avg_sq, rate, count, {}},
                 kWanted);
}

}  // namespace equipoise
