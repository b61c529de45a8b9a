#include "ops/sgd_update.h"

#include <fmt/format.h>

#include "ops/attribute_list.h"
#include "ops/require.h"

namespace equipoise {

Signature SgdUpdate::signature() const {
  static constexpr Signature::Port kInputs[] = {
      {"parameter"}, {"gradient"}, {"velocity", true}, {"rate"}, {"scale", true}};
  static constexpr Signature::Port kOutputs[] = {{"new_parameter"}, {"new_velocity", true}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> SgdUpdate::attributes() const {
  const ops::SgdOptions standard;
  return AttributeList()
      .add("momentum", options_.momentum, standard.momentum)
      .add("nesterov", options_.nesterov, standard.nesterov)
      .add("weight_decay", options_.weight_decay, standard.weight_decay)
      .list();
}

std::vector<TensorType> SgdUpdate::infer(InputTypes inputs) const {
  const TensorType& parameter = *inputs[kParameter];
  require_dtype("parameter", parameter, DType::kF32);
  require_shape("gradient", *inputs[kGradient], parameter.shape, "parameter");
  require_scalar("rate", *inputs[kRate]);
  if (inputs[kScale] != nullptr) require_scalar("scale", *inputs[kScale]);
  require_not_negative("momentum", options_.momentum);
  require_not_negative("weight_decay", options_.weight_decay);
  if (options_.nesterov && options_.momentum == 0) {
    fail_inference("nesterov needs a momentum; it is 0");
  }
  if ((inputs[kVelocity] != nullptr) != (options_.momentum != 0)) {
    fail_inference(options_.momentum != 0
                       ? fmt::format("momentum is {}; it needs a velocity of shape {}",
                                     options_.momentum, to_string(parameter.shape))
                       : "without momentum there is no velocity; leave it out");
  }
  if (inputs[kVelocity] != nullptr) {
    require_shape("velocity", *inputs[kVelocity], parameter.shape, "parameter");
  }
  return {parameter, parameter};
}

void SgdUpdate::evaluate(const Evaluation& evaluation) const {
  const Array& parameter = evaluation.input(kParameter);
  const Array& gradient = evaluation.input(kGradient);
  const double rate = evaluation.input(kRate)[0];
  const double scale = evaluation.has(kScale) ? evaluation.input(kScale)[0] : 1;
  for (std::int64_t i = 0; i < parameter.size(); ++i) {
    const double g = scale * gradient[i] + options_.weight_decay * parameter[i];
    const double v =
        g + (evaluation.has(kVelocity) ? options_.momentum * evaluation.input(kVelocity)[i] : 0);
    const double direction = options_.nesterov ? g + options_.momentum * v : v;
    evaluation.output(kNewParameter)[i] = parameter[i] - rate * direction;
    if (evaluation.wants(kNewVelocity)) evaluation.output(kNewVelocity)[i] = v;
  }
}

double SgdUpdate::flops(std::span<const Shape* const> inputs,
                        std::span<const Shape* const> /*outputs*/) const {
  const double per_element = 3 + (options_.momentum != 0 ? 2 : 0) + (options_.nesterov ? 2 : 0) +
                             (options_.weight_decay != 0 ? 2 : 0);
  return per_element * static_cast<double>(inputs[kParameter]->element_count());
}

void ops::sgd_update(Graph& graph, std::string name, TensorId parameter, TensorId gradient,
                     TensorId velocity, TensorId rate, const SgdOptions& options) {
  const bool wanted[] = {true, static_cast<bool>(velocity)};
  graph.add_node(std::move(name), std::make_shared<SgdUpdate>(options),
                 {parameter, gradient, velocity, rate, {}}, wanted);
}

}  // namespace equipoise
