#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/passes/pass.h"
#include "equipoise/error.h"
#include "ops/sgd_update.h"

namespace equipoise::engine {
namespace {

/// Trained parameters first, then what else is asked for.
struct Wanted {
  std::vector<TensorId> tensors;
  std::size_t parameters = 0;
  std::vector<bool> returned;
};

Wanted find_wanted(const Graph& graph, const SessionOptions& options) {
  Wanted wanted;
  std::vector<bool> matched(options.gradients.size());
  const auto asked_for = [&](const std::string& name) {
    bool any = false;
    for (std::size_t i = 0; i < options.gradients.size(); ++i) {
      if (!matches_pattern(name, options.gradients[i])) continue;
      any = matched[i] = true;
    }
    return any;
  };
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    const TensorInfo& info = graph.tensor(id);
    if (info.frozen) continue;
    wanted.tensors.push_back(id);
    wanted.returned.push_back(asked_for(info.name));
  }
  wanted.parameters = wanted.tensors.size();
  for (const TensorRole role : {TensorRole::kParameter, TensorRole::kInput}) {
    for (const TensorId id : graph.with_role(role)) {
      const TensorInfo& info = graph.tensor(id);
      const bool trained = role == TensorRole::kParameter && !info.frozen;
      if (trained || info.type.dtype != DType::kF32 || !asked_for(info.name)) continue;
      wanted.tensors.push_back(id);
      wanted.returned.push_back(true);
    }
  }
  const auto missing = std::ranges::find(matched, false);
  if (missing != matched.end()) {
    throw Error(fmt::format(
        "graph '{}' has no parameter and no input of numbers '{}' whose gradient "
        "could be given back",
        graph.name(), options.gradients[static_cast<std::size_t>(missing - matched.begin())]));
  }
  if (wanted.tensors.empty()) {
    throw Error(fmt::format(
        "graph '{}' has no parameter to train: all are frozen, or there is none", graph.name()));
  }
  return wanted;
}

/// A buffer of the optimizer for one parameter; none if it needs none.
TensorId add_velocity(Graph& graph, const ops::SgdOptions& sgd, const TensorInfo& parameter) {
  if (sgd.momentum == 0) return {};
  return graph.add_buffer(parameter.name + ".momentum", parameter.type.shape);
}

/// Nodes that overwrite a parameter, and the buffers that they need.
void add_update(Graph& graph, const ops::SgdOptions& sgd, TensorId id, TensorId gradient,
                TensorId rate) {
  const TensorInfo parameter = graph.tensor(id);
  ops::sgd_update(graph, parameter.name + ".update", id, gradient,
                  add_velocity(graph, sgd, parameter), rate, sgd);
}

/// Throws Error for an update of the model that cannot wait for the gate, or whose parameter the
/// optimizer updates.
void check_updates(const Graph& graph, const SessionOptions& options) {
  const std::vector<int> readers = count_readers(graph);
  for (const Node& node : graph.nodes()) {
    if (!updates_anything(node)) continue;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i]) continue;
      const auto fail = [&](const std::string& what) {
        throw Error(fmt::format("graph '{}', node '{}': {}", graph.name(), node.name, what));
      };
      if (readers[static_cast<std::size_t>(node.outputs[i].index)] > 0) {
        fail(
            "training updates behind the gate, when all else is done; nothing can read its "
            "result, and it cannot be given back");
      }
      const int updated = node.operation->updates(static_cast<int>(i));
      const TensorInfo& target = graph.tensor(node.inputs[static_cast<std::size_t>(updated)]);
      if (options.optimizer && target.role == TensorRole::kParameter && !target.frozen) {
        fail(
            fmt::format("it updates '{}', as the session's optimizer does; freeze the parameter, "
                        "or leave one of the two out",
                        target.name));
      }
    }
  }
}

/// What the model's own updates go by has to be finite, too.
std::vector<TensorId> gradients_of_updates(const Graph& graph) {
  std::vector<TensorId> gradients;
  for (const Node& node : graph.nodes()) {
    if (dynamic_cast<const SgdUpdate*>(node.operation.get()) != nullptr) {
      gradients.push_back(node.inputs[SgdUpdate::kGradient]);
    }
  }
  return gradients;
}

/// The model's own updates go behind the gate.
void move_updates_behind(Plan& plan) {
  std::vector<Node> nodes(plan.graph.nodes().begin(), plan.graph.nodes().end());
  std::stable_partition(nodes.begin(), nodes.end(),  // clang 14 does not take that of ranges
                        [](const Node& node) { return !updates_anything(node); });
  rewrite(plan, std::move(nodes));
}

}  // namespace

Graph with_optimizer_buffers(Graph graph, const ops::SgdOptions& sgd) {
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    const TensorInfo parameter = graph.tensor(id);
    if (!parameter.frozen) add_velocity(graph, sgd, parameter);
  }
  return graph;
}

void add_gradients(Plan& plan, const SessionOptions& options) {
  if (plan.mode != Mode::kTraining) return;
  Graph& graph = plan.graph;
  check_updates(graph, options);
  const Wanted wanted = find_wanted(graph, options);
  const std::vector<TensorId> gradients = differentiate(graph, plan.loss, wanted.tensors);
  std::vector<TensorId> gated;
  for (std::size_t i = 0; i < gradients.size(); ++i) {
    if (!gradients[i]) continue;
    if (i < wanted.parameters || wanted.parameters == 0) gated.push_back(gradients[i]);
    if (wanted.returned[i]) {
      plan.outputs.push_back({graph.tensor(wanted.tensors[i]).name + ".gradient", gradients[i]});
    }
  }
  if (gated.empty()) {
    throw Error(fmt::format("graph '{}': the loss '{}' depends on no parameter", graph.name(),
                            options.loss));
  }
  const std::vector<TensorId> of_model = gradients_of_updates(graph);
  gated.insert(gated.end(), of_model.begin(), of_model.end());
  plan.gradient_norm = ops::gradient_norm(graph, "gradient norm", gated);
  if (options.optimizer) {
    plan.rate_input = "learning rate";
    const TensorId rate = graph.add_input(plan.rate_input, GraphShape{});
    for (std::size_t i = 0; i < wanted.parameters; ++i) {
      if (gradients[i])
        add_update(graph, *options.optimizer, wanted.tensors[i], gradients[i], rate);
    }
  }
  std::vector<TensorId> outputs;
  for (const Plan::Output& output : plan.outputs) outputs.push_back(output.tensor);
  outputs.push_back(plan.loss);
  outputs.push_back(plan.gradient_norm);
  graph.set_outputs(std::move(outputs));
  if (!of_model.empty()) move_updates_behind(plan);
}

}  // namespace equipoise::engine
