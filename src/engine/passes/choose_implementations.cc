#include <algorithm>
#include <optional>
#include <utility>

#include <fmt/format.h>

#include "engine/candidates.h"
#include "engine/implementations/reorder.h"
#include "engine/passes/pass.h"
#include "engine/reorder.h"
#include "equipoise/error.h"
#include "ops/average_update.h"
#include "ops/fold_norm.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

/// Goes through the nodes once and asks implementations in their order; where one wants an input in
/// another format than it is in, a reorder goes before it, once per tensor and format.
class Choice {
  /// What is measured alone is not quite what it takes in a step, where a reorder also drives from
  /// the cache what was there.
  static constexpr double kWorthReordering = 1.25;

 public:
  /// With candidates, products are what these say is fastest.
  Choice(Plan& plan, Layout preferred, Candidates* candidates)
      : plan_(plan),
        preferred_(preferred),
        candidates_(candidates),
        before_(plan.graph.nodes().begin(), plan.graph.nodes().end()),
        formats_(plan.graph.tensors().size()) {}

  void run() {
    for (std::size_t i = 0; i < formats_.size(); ++i) {
      const auto home = plan_.homes.find(plan_.graph.tensors()[i].name);
      if (is_kept(plan_.graph.tensors()[i]) && home != plan_.homes.end())
        formats_[i] = home->second;
    }
    for (Plan::Output& output : plan_.outputs) copy_if_given(output.tensor);
    for (const Node& node : before_) {
      choose(node);
      for (const TensorId id : node.outputs) {
        if (id) give_back(id);
      }
    }
    const std::vector<TensorId> map = rewrite(plan_, std::move(nodes_));
    plan_.steps = std::move(steps_);
    plan_.tensors.assign(plan_.graph.tensors().size(), {});
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (!map[i]) continue;
      PlannedTensor& tensor = plan_.tensors[static_cast<std::size_t>(map[i].index)];
      const TensorType& type = plan_.graph.tensor(map[i]).type;
      tensor.format = formats_[i];
      if (type.record) continue;
      tensor.shape = type.shape.resolve(plan_.batch);
      tensor.bytes = bytes_of(tensor.format, tensor.shape, type.dtype);
    }
  }

 private:
  static bool is_kept(const TensorInfo& info) {
    return info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer;
  }

  /// A parameter or buffer that nobody has read yet lives as its first reader wants it: weights as
  /// the forward's convolution does.
  void settle(TensorId id, const Format& wanted) {
    const TensorInfo& info = plan_.graph.tensor(id);
    const Format home = wanted.weights ? wanted : Format{};
    if (is_kept(info) && plan_.homes.try_emplace(info.name, home).second) format(id) = home;
  }

  Format& format(TensorId id) { return formats_[static_cast<std::size_t>(id.index)]; }

  NodeContext context_of(const Node& node) {
    NodeContext context = engine::context_of(plan_, node);
    context.preferred = preferred_;
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i]) context.formats[i] = format(node.inputs[i]);
    }
    return context;
  }

  /// What a run gives back belongs to it, also if it is the caller's input or lives in the State.
  void copy_if_given(TensorId& id) {
    const TensorInfo& info = plan_.graph.tensor(id);
    if (info.role == TensorRole::kResult || info.type.dtype != DType::kF32) return;
    settle(id, {});
    id = reordered(id, {});
  }

  /// What a run gives back is row-major, as soon as it is there: a run may stop at its node.
  void give_back(TensorId id) {
    const auto is_wanted = [&](TensorId output) { return output == id; };
    const bool wanted = std::ranges::any_of(plan_.outputs, is_wanted, &Plan::Output::tensor);
    if (!wanted && plan_.loss != id) return;
    const TensorId plain = in_format(id, {});
    for (Plan::Output& output : plan_.outputs) {
      if (output.tensor == id) output.tensor = plain;
    }
    if (plan_.loss == id) plan_.loss = plain;
  }

  void choose(const Node& node) {
    // An average lives as what it is of.
    if (dynamic_cast<const AverageUpdate*>(node.operation.get()) != nullptr) {
      settle(node.inputs[AverageUpdate::kAverage], format(node.inputs[AverageUpdate::kX]));
    }
    NodeContext context = context_of(node);
    Step step;
    if (const auto* norm = dynamic_cast<const Norm*>(node.operation.get())) {
      context.norm = step.norm = static_cast<int>(plan_.norms.size());
      const TensorId running = node.inputs[Norm::kRunningMean];
      plan_.norms.push_back({.node = node.name,
                             .kind = norm->norm().kind,
                             .channels = context.input(Norm::kX).channels(),
                             .running = running ? plan_.graph.tensor(running).name : ""});
    }
    if (candidates_ != nullptr && is_product(node) && take_fastest(context, step)) return;
    for (const Implementation* implementation : implementations_of(node.operation->type())) {
      Answer answer = implementation->propose(context);
      if (const auto* why = std::get_if<std::string>(&answer)) {
        step.declined.push_back({std::string(implementation->name), *why});
        continue;
      }
      step.implementation = implementation->name;
      take(node, std::get<Proposal>(std::move(answer)), std::move(step));
      return;
    }
    std::string reasons;
    for (const DeclinedImplementation& declined : step.declined) {
      reasons += fmt::format("; {}: {}", declined.implementation, declined.reason);
    }
    throw Error(fmt::format("node '{}': no implementation of {} takes it{}", node.name,
                            describe(*node.operation), reasons));
  }

  /// What is fastest: of those without reorders, unless one with them is much faster. False if
  /// there is only the reference.
  bool take_fastest(const NodeContext& context, Step& step) {
    std::vector<Candidate> ways = candidates_->of(context);
    if (ways.empty()) return false;
    std::vector<double> costs;
    std::vector<double> weighed;
    for (const Candidate& way : ways) {
      const Reorders needed = reorders(context, way.proposal);
      costs.push_back(way.milliseconds + needed.milliseconds);
      weighed.push_back(costs.back() * (needed.of_images ? kWorthReordering : 1));
    }
    const auto best = static_cast<std::size_t>(std::ranges::min_element(weighed) - weighed.begin());
    for (std::size_t i = 0; i < best; ++i) {
      step.declined.push_back(
          {std::string(ways[i].implementation->name),
           fmt::format("takes {:.3g} ms with its reorders, what was chosen {:.3g} ms", costs[i],
                       costs[best])});
    }
    step.implementation = ways[best].implementation->name;
    take(context.node, std::move(ways[best].proposal), std::move(step));
    return true;
  }

  struct Reorders {
    double milliseconds = 0;
    bool of_images = false;
  };

  /// Those that a proposal needs: of inputs that nobody else has had reordered so, and of outputs
  /// for those who will read them.
  Reorders reorders(const NodeContext& context, const Proposal& proposal) {
    const Node& node = context.node;
    Reorders needed;
    const auto add = [&](const Shape& shape, const Format& from, const Format& to) {
      if (from == to) return;
      needed.milliseconds += candidates_->reorder(context, shape, from, to);
      if (!from.weights && !to.weights) needed.of_images = true;
    };
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      const TensorId id = node.inputs[i];
      if (!id || is_unsettled(id) || reordered_as(id, proposal.inputs[i])) continue;
      add(context.input_shapes[i], format(id), proposal.inputs[i]);
    }
    for (std::size_t i = 0; i < node.outputs.size(); ++i) {
      const TensorId id = node.outputs[i];
      if (!id || context.output_shapes[i].rank() != 4) continue;
      add(context.output_shapes[i], proposal.outputs[i],
          home_of_gradient(id).value_or(Format{.layout = preferred_}));
    }
    return needed;
  }

  /// Of the parameter that is updated with a gradient, if that is what the tensor is.
  std::optional<Format> home_of_gradient(TensorId gradient) {
    for (const Node& node : before_) {
      if (std::ranges::find(node.inputs, gradient) == node.inputs.end()) continue;
      for (std::size_t o = 0; o < node.outputs.size(); ++o) {
        const int i = node.operation->updates(static_cast<int>(o));
        if (i < 0) continue;
        if (dynamic_cast<const AverageUpdate*>(node.operation.get()) != nullptr) {
          return home_of_gradient(node.outputs[o]);
        }
        const TensorId parameter = node.inputs[static_cast<std::size_t>(i)];
        if (plan_.graph.tensor(parameter).type == plan_.graph.tensor(gradient).type) {
          return format(parameter);
        }
      }
    }
    return std::nullopt;
  }

  bool is_unsettled(TensorId id) const {
    const TensorInfo& info = plan_.graph.tensor(id);
    return is_kept(info) && !plan_.homes.contains(info.name);
  }

  TensorId reordered_as(TensorId id, const Format& wanted) {
    for (const auto& [from, to] : reordered_) {
      if (from == id && format(to) == wanted) return to;
    }
    return {};
  }

  void take(const Node& node, Proposal proposal, Step step) {
    Node chosen = node;
    for (std::size_t i = 0; i < chosen.inputs.size(); ++i) {
      if (!chosen.inputs[i]) continue;
      // What is folded once does not decide how training finds its weights.
      const bool settles = dynamic_cast<const FoldNorm*>(node.operation.get()) == nullptr;
      if (settles) settle(chosen.inputs[i], proposal.inputs[i]);
      chosen.inputs[i] = in_format(chosen.inputs[i], proposal.inputs[i]);
    }
    for (std::size_t i = 0; i < chosen.outputs.size(); ++i) {
      if (chosen.outputs[i]) format(chosen.outputs[i]) = proposal.outputs[i];
    }
    step.detail = std::move(proposal.detail);
    step.kernel = std::move(proposal.kernel);
    step.in_place = std::move(proposal.in_place);
    step.alias = proposal.alias;
    step.scratch_bytes = proposal.scratch_bytes;
    nodes_.push_back(std::move(chosen));
    steps_.push_back(std::move(step));
  }

  TensorId in_format(TensorId id, const Format& wanted) {
    if (plan_.graph.tensor(id).type.record || format(id) == wanted) return id;
    const TensorId found = reordered_as(id, wanted);
    return found ? found : reordered(id, wanted);
  }

  TensorId reordered(TensorId id, const Format& wanted) {
    const TensorInfo info = plan_.graph.tensor(id);
    const std::string name =
        fmt::format("{} as {}#{}", info.name,
                    to_string(wanted, info.type.shape.resolve(plan_.batch)), reordered_.size());
    const TensorId result = plan_.graph.add_node(name, std::make_shared<Reorder>(), {id})[0];
    formats_.resize(plan_.graph.tensors().size());
    format(result) = wanted;
    const Node node = plan_.graph.nodes().back();
    Answer answer = reorder(context_of(node), wanted);
    if (const auto* why = std::get_if<std::string>(&answer)) {
      throw Error(fmt::format("'{}' cannot be reordered: {}", info.name, *why));
    }
    auto& proposal = std::get<Proposal>(answer);
    Step step;
    step.implementation = "reorder";
    step.kernel = std::move(proposal.kernel);
    step.scratch_bytes = proposal.scratch_bytes;
    nodes_.push_back(node);
    steps_.push_back(std::move(step));
    reordered_.emplace_back(id, result);
    return result;
  }

  Plan& plan_;
  Layout preferred_;
  Candidates* candidates_;
  std::vector<Node> before_;
  std::vector<Format> formats_;
  std::vector<Node> nodes_;
  std::vector<Step> steps_;
  std::vector<std::pair<TensorId, TensorId>> reordered_;
};

}  // namespace

void choose_implementations(Plan& plan, const SessionOptions& options) {
  Layout layout = options.layout.value_or(candidate_layouts().front());
  std::optional<Candidates> candidates;
  if (skips(options, "choose_layouts")) {
    layout = Layout::kChannelsFirst;
  } else if (options.timings != nullptr) {
    candidates.emplace(*options.timings);
    if (!options.layout) layout = fastest_layout(plan, *candidates);
  }
  Choice(plan, layout, candidates ? &*candidates : nullptr).run();
  for (std::size_t i = 0; i < plan.steps.size(); ++i) {
    const Node& node = plan.graph.nodes()[i];
    if (plan.gradient_norm && node.outputs[0] == plan.gradient_norm) {
      plan.gate_step = static_cast<int>(i);
    }
  }
}

}  // namespace equipoise::engine
