#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "engine/passes/pass.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// How tensors come out of the state: "fold_norm(epsilon=1e-05)(conv.weight, …):0". Empty for those
/// that depend on anything else.
class Recipes {
 public:
  explicit Recipes(const Graph& graph) : graph_(graph), recipes_(graph.tensors().size()) {
    for (std::size_t i = 0; i < recipes_.size(); ++i) {
      const TensorInfo& info = graph.tensors()[i];
      const bool kept = info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer;
      if (kept) recipes_[i] = info.name;
    }
  }

  /// Whether a step reads the state alone, and leaves what is nobody's but the plan's. An alias of
  /// the state is the state.
  bool add(const Node& node, const Step& step) {
    const auto depends = [&](TensorId id) { return id && recipes_[index(id)].empty(); };
    const auto is_given = [&](TensorId id) {
      return id && std::ranges::find(graph_.outputs(), id) != graph_.outputs().end();
    };
    if (step.alias || step.norm >= 0 || node.inputs.empty() ||
        std::ranges::any_of(node.inputs, depends) || std::ranges::any_of(node.outputs, is_given)) {
      return false;
    }
    std::string text = describe(*node.operation) + "(";
    for (const TensorId id : node.inputs) text += (id ? recipes_[index(id)] : "") + ",";
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      if (node.outputs[i]) recipes_[index(node.outputs[i])] = fmt::format("{}):{}", text, i);
    }
    return true;
  }

  const std::string& of(TensorId id) const { return recipes_[index(id)]; }

 private:
  const Graph& graph_;
  std::vector<std::string> recipes_;
};

/// Puts the steps in another order.
void reorder_steps(Plan& plan, const std::vector<std::size_t>& order) {
  std::vector<Node> nodes;
  std::vector<Step> steps;
  for (const std::size_t s : order) {
    nodes.push_back(plan.graph.nodes()[s]);
    steps.push_back(std::move(plan.steps[s]));
  }
  plan.steps = std::move(steps);
  std::vector<PlannedTensor> before = std::move(plan.tensors);
  const std::vector<TensorId> map = rewrite(plan, std::move(nodes));
  plan.tensors.assign(plan.graph.tensors().size(), {});
  for (std::size_t i = 0; i < map.size(); ++i) {
    if (map[i]) plan.tensors[index(map[i])] = std::move(before[i]);
  }
}

}  // namespace

void prepare_state(Plan& plan, const SessionOptions& options) {
  if (plan.mode != Mode::kInference || skips(options, "prepare_state")) return;
  const auto nodes = plan.graph.nodes();
  Recipes recipes(plan.graph);
  std::vector<std::size_t> order;
  std::vector<std::size_t> every_time;
  for (std::size_t s = 0; s < nodes.size(); ++s) {
    if (recipes.add(nodes[s], plan.steps[s])) {
      order.push_back(s);
      continue;
    }
    every_time.push_back(s);
    for (const TensorId id : nodes[s].inputs) {
      if (!id || recipes.of(id).empty()) continue;
      PlannedTensor& tensor = plan.tensors[index(id)];
      if (plan.graph.tensor(id).role != TensorRole::kResult) continue;
      tensor.place = Place::kPrepared;
      tensor.state = recipes.of(id);
    }
  }
  plan.prepared_steps = order.size();
  order.insert(order.end(), every_time.begin(), every_time.end());
  reorder_steps(plan, order);
}

}  // namespace equipoise::engine
