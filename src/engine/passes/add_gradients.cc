#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/passes/pass.h"
#include "equipoise/error.h"
#include "ops/adamw_update.h"
#include "ops/average_update.h"
#include "ops/normalization.h"
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

constexpr std::string_view kEma = "ema";

/// For one parameter: adds the buffers that the optimizer keeps, and, given a gradient, the node
/// that overwrites them and the parameter.
class Updates {
 public:
  /// Inputs that all updates go by; none where there are no gradients.
  struct Numbers {
    TensorId rate = {};
    TensorId count = {};
    TensorId scale = {};
    TensorId ema_weight = {};
  };

  Updates(Graph& graph, const Numbers& numbers) : graph_(graph), numbers_(numbers) {}

  void add(const ops::SgdOptions& sgd, TensorId id, TensorId gradient) const {
    const TensorInfo parameter = graph_.tensor(id);
    const TensorId velocity = sgd.momentum == 0 ? TensorId{} : buffer(parameter, "momentum");
    if (!gradient) return;
    const bool wanted[] = {true, static_cast<bool>(velocity)};
    graph_.add_node(name_of(parameter), std::make_shared<SgdUpdate>(sgd),
                    {id, gradient, velocity, numbers_.rate, numbers_.scale}, wanted);
  }

  void add(const ops::AdamWOptions& adamw, TensorId id, TensorId gradient) const {
    const TensorInfo parameter = graph_.tensor(id);
    const TensorId exp_avg = buffer(parameter, "exp_avg");
    const TensorId exp_avg_sq = buffer(parameter, "exp_avg_sq");
    if (!gradient) return;
    static constexpr bool kWanted[] = {true, true, true};
    graph_.add_node(
        name_of(parameter), std::make_shared<AdamWUpdate>(adamw),
        {id, gradient, exp_avg, exp_avg_sq, numbers_.rate, numbers_.count, numbers_.scale},
        kWanted);
  }

  /// An average of the parameter, behind its update.
  void add_average(TensorId id) const {
    const TensorInfo parameter = graph_.tensor(id);
    const TensorId average = buffer(parameter, kEma);
    if (!numbers_.ema_weight) return;
    const TensorId updated = graph_.node(*graph_.find_node(name_of(parameter))).outputs[0];
    graph_.add_node(graph_.tensor(average).name + ".update", std::make_shared<AverageUpdate>(),
                    {average, updated, numbers_.ema_weight});
  }

 private:
  static std::string name_of(const TensorInfo& parameter) { return parameter.name + ".update"; }

  TensorId buffer(const TensorInfo& parameter, std::string_view kind) const {
    return graph_.add_buffer(fmt::format("{}.{}", parameter.name, kind), parameter.type.shape);
  }

  Graph& graph_;
  Numbers numbers_;
};

std::string mean_gradient_name(const TensorInfo& parameter) {
  return parameter.name + ".gradient.mean";
}

/// In place of each gradient the mean of it and those of the batches before.
void average_gradients(Plan& plan, std::span<const TensorId> parameters,
                       std::span<TensorId> gradients) {
  Graph& graph = plan.graph;
  plan.share_input = "share of the batch";
  const TensorId share = graph.add_input(plan.share_input, GraphShape{});
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i]) continue;
    const TensorInfo parameter = graph.tensor(parameters[i]);
    const std::string name = mean_gradient_name(parameter);
    const TensorId mean = graph.add_buffer(name, parameter.type.shape);
    gradients[i] = graph.add_node(name + ".update", std::make_shared<AverageUpdate>(),
                                  {mean, gradients[i], share})[0];
  }
}

bool is_norms(const Graph& graph, TensorId parameter) {
  return std::ranges::any_of(graph.nodes(), [&](const Node& node) {
    return dynamic_cast<const Norm*>(node.operation.get()) != nullptr &&
           (node.inputs[Norm::kWeight] == parameter || node.inputs[Norm::kBias] == parameter);
  });
}

/// The optimizer for one parameter, without weight decay where that is not for it.
Optimizer optimizer_for(const Graph& graph, const SessionOptions& options, TensorId parameter) {
  Optimizer optimizer = *options.optimizer;
  const bool decays =
      options.decay_norms_and_biases ||
      (graph.tensor(parameter).type.shape.rank() > 1 && !is_norms(graph, parameter));
  if (!decays) std::visit([](auto& each) { each.weight_decay = 0; }, optimizer);
  return optimizer;
}

void add_updates(Plan& plan, const SessionOptions& options, std::span<const TensorId> parameters,
                 std::span<const TensorId> gradients) {
  Graph& graph = plan.graph;
  plan.rate_input = "learning rate";
  plan.scale_input = "scale of gradients";
  Updates::Numbers numbers{.rate = graph.add_input(plan.rate_input, GraphShape{}),
                           .scale = graph.add_input(plan.scale_input, GraphShape{})};
  if (options.ema_decay) {
    plan.ema_weight_input = "weight in averages";
    numbers.ema_weight = graph.add_input(plan.ema_weight_input, GraphShape{});
  }
  if (counts_updates(options)) {
    plan.count_input = "number of the update";
    numbers.count = graph.add_input(plan.count_input, GraphShape{});
  }
  const Updates updates(graph, numbers);
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (!gradients[i]) continue;
    std::visit([&](const auto& each) { updates.add(each, parameters[i], gradients[i]); },
               optimizer_for(graph, options, parameters[i]));
    if (options.ema_decay) updates.add_average(parameters[i]);
  }
}

/// Throws Error for an update of the model that cannot wait for the gate, would go by less than all
/// gradients, or whose parameter the optimizer updates.
void check_updates(const Graph& graph, UpdatesBy updates_by, const SessionOptions& options) {
  const std::vector<int> readers = count_readers(graph);
  for (const Node& node : graph.nodes()) {
    if (!updates_anything(node)) continue;
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (!node.outputs[i]) continue;
      const auto fail = [&](const std::string& what) {
        throw Error(fmt::format("graph '{}', node '{}': {}", graph.name(), node.name, what));
      };
      if (updates_by == UpdatesBy::kMeanGradients) {
        fail(
            "it would update by the last batch alone; gradients are accumulated for the session's "
            "optimizer only");
      }
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
    } else if (dynamic_cast<const AdamWUpdate*>(node.operation.get()) != nullptr) {
      gradients.push_back(node.inputs[AdamWUpdate::kGradient]);
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

std::string ema_name(std::string_view parameter) { return fmt::format("{}.{}", parameter, kEma); }

bool counts_updates(const SessionOptions& options) {
  return options.optimizer &&
         (options.ema_decay || std::holds_alternative<ops::AdamWOptions>(*options.optimizer));
}

Graph with_update_buffers(Graph graph, const SessionOptions& options) {
  const Updates updates(graph, {});
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    if (graph.tensor(id).frozen) continue;
    std::visit([&](const auto& each) { updates.add(each, id, {}); }, *options.optimizer);
    if (options.ema_decay) updates.add_average(id);
  }
  if (counts_updates(options)) graph.add_buffer(kUpdateCount, {1});
  return graph;
}

Graph mean_gradients_of(const Graph& graph) {
  Graph means(graph.name());
  for (const TensorId id : graph.with_role(TensorRole::kParameter)) {
    const TensorInfo& parameter = graph.tensor(id);
    if (!parameter.frozen) means.add_buffer(mean_gradient_name(parameter), parameter.type.shape);
  }
  return means;
}

void add_gradients(Plan& plan, const SessionOptions& options) {
  if (plan.mode != Mode::kTraining) return;
  Graph& graph = plan.graph;
  check_updates(graph, plan.updates_by, options);
  const Wanted wanted = find_wanted(graph, options);
  std::vector<TensorId> gradients = differentiate(graph, plan.loss, wanted.tensors);
  const auto parameters = std::span(wanted.tensors).first(wanted.parameters);
  if (plan.updates_by == UpdatesBy::kMeanGradients) average_gradients(plan, parameters, gradients);
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
    add_updates(plan, options, parameters, gradients);
  }
  std::vector<TensorId> outputs;
  for (const Plan::Output& output : plan.outputs) outputs.push_back(output.tensor);
  outputs.push_back(plan.loss);
  outputs.push_back(plan.gradient_norm);
  graph.set_outputs(std::move(outputs));
  if (!of_model.empty()) move_updates_behind(plan);
}

}  // namespace equipoise::engine
