#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "equipoise/error.h"

namespace equipoise::engine {
namespace {

/// Nodes that overwrite every parameter, and the buffers that they need.
void add_updates(Plan& plan, const ops::SgdOptions& sgd, const std::vector<TensorId>& parameters,
                 const std::vector<TensorId>& gradients) {
  Graph& graph = plan.graph;
  plan.rate_input = "learning rate";
  const TensorId rate = graph.add_input(plan.rate_input, GraphShape{});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i]) continue;
    const TensorInfo parameter = graph.tensor(parameters[i]);
    const TensorId velocity =
        sgd.momentum != 0 ? graph.add_buffer(parameter.name + ".momentum", parameter.type.shape)
                          : TensorId{};
    ops::sgd_update(graph, parameter.name + ".update", parameters[i], gradients[i], velocity, rate,
                    sgd);
  }
}

}  // namespace

void add_gradients(Plan& plan, const SessionOptions& options) {
  if (plan.mode != Mode::kTraining) return;
  Graph& graph = plan.graph;
  std::vector<TensorId> parameters;
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    if (!graph.tensor(id).frozen) parameters.push_back(id);
  }
  if (parameters.empty()) {
    throw Error(fmt::format("graph '{}' has no parameter to train: all are frozen, or there is none",
                            graph.name()));
  }
  const std::vector<TensorId> gradients = differentiate(graph, plan.loss, parameters);
  std::vector<TensorId> found;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    found.push_back(gradients[i]);
    if (options.return_gradients) {
      plan.outputs.push_back({graph.tensor(parameters[i]).name + ".gradient", gradients[i]});
    }
  }
  if (found.empty()) {
    throw Error(fmt::format("graph '{}': the loss '{}' depends on no parameter", graph.name(),
                            options.loss));
  }
  plan.gradient_norm = ops::gradient_norm(graph, "gradient norm", found);
  plan.gate_step = 0;  // known when steps are
  if (options.optimizer) add_updates(plan, *options.optimizer, parameters, gradients);
  std::vector<TensorId> outputs;
  for (const Plan::Output& output : plan.outputs) outputs.push_back(output.tensor);
  outputs.push_back(plan.loss);
  outputs.push_back(plan.gradient_norm);
  graph.set_outputs(std::move(outputs));
}

}  // namespace equipoise::engine
