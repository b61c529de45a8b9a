#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "engine/lifetimes.h"
#include "engine/passes/pass.h"
#include "ops/normalization.h"

namespace equipoise::engine {
namespace {

constexpr int kNone = -1;

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

/// A normalization that may be repeated in the backward, so that its result need not be kept.
struct Candidate {
  int step = kNone;
  /// The first step of the backward that reads its result.
  int first_reader = kNone;
  /// What takes the place of the result there, and what computes it.
  TensorId again = {};
  Node node = {};
  Step repeat = {};
  /// Bytes that a repetition reads and writes, which is what it costs.
  std::size_t traffic = 0;
};

/// Which candidates are repeated.
using Choice = std::vector<bool>;

/// A step of the plan, or a repetition.
struct Entry {
  const Node* node;
  Step* step;
  /// In place of the node's own, where some of them are repeated.
  std::vector<TensorId> inputs = {};
};

class Repetition {
 public:
  explicit Repetition(Plan& plan)
      : plan_(plan),
        before_(plan.graph.nodes().begin(), plan.graph.nodes().end()),
        backward_(plan.graph.tensor(plan.loss).producer.index),
        candidate_of_(plan.graph.tensors().size(), kNone) {
    find_candidates();
    tensors_.reserve(plan.tensors.size());
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      tensors_.push_back(plan.tensors[i]);
      tensors_.back().place = place_of(plan.graph.tensors()[i]);
    }
  }

  void run() {
    const Choice none(candidates_.size());
    const Choice chosen = choose();
    apply(peak(chosen) < peak(none) ? chosen : none);
  }

 private:
  /// In the order of their steps.
  void find_candidates() {
    std::vector<bool> given(candidate_of_.size());
    for (const TensorId id : plan_.graph.outputs()) given[index(id)] = true;
    for (int s = 0; s < backward_; ++s) {
      const Node& node = before_[static_cast<std::size_t>(s)];
      const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
      // What has no record has no gradient either: x is not kept.
      if (norm == nullptr || !node.outputs[Norm::kRecord]) continue;
      if (!given[index(node.outputs[Norm::kY])]) add_candidate(s, *norm);
    }
    for (int s = backward_; s < static_cast<int>(before_.size()); ++s) {
      for (const TensorId id : before_[static_cast<std::size_t>(s)].inputs) {
        if (Candidate* read = candidate(id); read != nullptr && read->first_reader == kNone) {
          read->first_reader = s;
        }
      }
    }
  }

  void add_candidate(int s, const Norm& norm) {
    const Node& node = before_[static_cast<std::size_t>(s)];
    const TensorId y = node.outputs[Norm::kY];
    const TensorId residual = node.inputs[Norm::kResidual];
    Candidate made{.step = s, .traffic = (residual ? 3 : 2) * plan_.tensors[index(y)].bytes};
    made.again = plan_.graph.add_node(
        fmt::format("{}.repeat", node.name), std::make_shared<NormRepeat>(norm.norm()),
        {node.inputs[Norm::kX], node.outputs[Norm::kRecord], node.inputs[Norm::kWeight],
         node.inputs[Norm::kBias], residual})[0];
    made.node = plan_.graph.nodes().back();
    made.repeat = step_of(made.node);
    plan_.tensors.push_back(plan_.tensors[index(y)]);
    candidate_of_[index(y)] = static_cast<int>(candidates_.size());
    candidates_.push_back(std::move(made));
  }

  Step step_of(const Node& node) const {
    NodeContext context = context_of(plan_, node);
    for (std::size_t i = 0; i < node.inputs.size(); ++i) {
      if (node.inputs[i]) context.formats[i] = plan_.tensors[index(node.inputs[i])].format;
    }
    const Implementation& implementation = *implementations_of(node.operation->type()).front();
    auto proposal = std::get<Proposal>(implementation.propose(context));
    Step step;
    step.implementation = implementation.name;
    step.kernel = std::move(proposal.kernel);
    step.in_place = std::move(proposal.in_place);
    return step;
  }

  /// That whose result a tensor is; null if it is none's.
  Candidate* candidate(TensorId id) {
    if (!id || index(id) >= candidate_of_.size() || candidate_of_[index(id)] == kNone) {
      return nullptr;
    }
    return &candidates_[static_cast<std::size_t>(candidate_of_[index(id)])];
  }

  /// Before which step each chosen candidate is repeated: the first that reads it in the backward,
  /// or before which another one that reads it is repeated. None for those that nobody needs.
  std::vector<int> places(const Choice& choice) {
    std::vector<int> places(candidates_.size(), kNone);
    for (std::size_t c = candidates_.size(); c-- > 0;) {
      if (!choice[c]) continue;
      int& place = places[c];
      const auto earlier = [&](int s) {
        if (s != kNone && (place == kNone || s < place)) place = s;
      };
      earlier(candidates_[c].first_reader);
      // Who reads it comes later in the forward.
      for (std::size_t d = c + 1; d < candidates_.size(); ++d) {
        if (places[d] == kNone) continue;
        const auto reads = [&](TensorId id) { return candidate(id) == &candidates_[c]; };
        if (std::ranges::any_of(candidates_[d].node.inputs, reads)) earlier(places[d]);
      }
    }
    return places;
  }

  std::vector<Entry> schedule(const Choice& choice) {
    const std::vector<int> places = this->places(choice);
    std::vector<std::pair<int, std::size_t>> repeats;
    for (std::size_t c = 0; c < places.size(); ++c) {
      if (places[c] != kNone) repeats.emplace_back(places[c], c);
    }
    std::ranges::sort(repeats);
    const auto chosen = [&](TensorId id) {
      const Candidate* read = candidate(id);
      return read != nullptr && choice[static_cast<std::size_t>(read - candidates_.data())];
    };
    std::vector<Entry> entries;
    const auto add = [&](const Node& node, Step& step, bool reads_repeated) {
      entries.push_back({.node = &node, .step = &step});
      if (!reads_repeated || std::ranges::none_of(node.inputs, chosen)) return;
      entries.back().inputs = node.inputs;
      for (TensorId& id : entries.back().inputs) {
        if (chosen(id)) id = candidate(id)->again;
      }
    };
    auto next = repeats.begin();
    for (int s = 0; s < static_cast<int>(before_.size()); ++s) {
      for (; next != repeats.end() && next->first == s; ++next) {
        add(candidates_[next->second].node, candidates_[next->second].repeat, true);
      }
      const auto at = static_cast<std::size_t>(s);
      add(before_[at], plan_.steps[at], s >= backward_);
    }
    return entries;
  }

  std::size_t peak(const Choice& choice) {
    const std::vector<Entry> entries = schedule(choice);
    std::vector<StepUse> uses;
    uses.reserve(entries.size());
    for (const Entry& entry : entries) {
      uses.push_back({.operation = entry.node->operation.get(),
                      .step = entry.step,
                      .inputs = entry.inputs.empty() ? entry.node->inputs : entry.inputs,
                      .outputs = entry.node->outputs});
    }
    return Lifetimes(uses, plan_.graph.outputs(), tensors_, plan_.mode).peak();
  }

  /// All of them, then without those that do not lower the peak, the dearest first.
  Choice choose() {
    Choice choice(candidates_.size(), true);
    std::vector<std::size_t> order;
    for (std::size_t c = 0; c < candidates_.size(); ++c) order.push_back(c);
    std::ranges::stable_sort(order, std::greater{},
                             [&](std::size_t c) { return candidates_[c].traffic; });
    std::size_t least = peak(choice);
    for (bool changed = true; changed;) {
      changed = false;
      for (const std::size_t c : order) {
        if (!choice[c]) continue;
        choice[c] = false;
        const std::size_t without = peak(choice);
        choice[c] = without > least;
        if (choice[c]) continue;
        least = without;
        changed = true;
      }
    }
    return choice;
  }

  void apply(const Choice& choice) {
    std::vector<Node> nodes;
    std::vector<Step> steps;
    int gate = kNone;
    for (Entry& entry : schedule(choice)) {
      if (plan_.gate_step >= 0 &&
          entry.node == &before_[static_cast<std::size_t>(plan_.gate_step)]) {
        gate = static_cast<int>(nodes.size());
      }
      nodes.push_back(*entry.node);
      if (!entry.inputs.empty()) nodes.back().inputs = std::move(entry.inputs);
      steps.push_back(std::move(*entry.step));
    }
    const std::vector<TensorId> map = rewrite(plan_, std::move(nodes));
    std::vector<PlannedTensor> tensors(plan_.graph.tensors().size());
    for (std::size_t i = 0; i < map.size(); ++i) {
      if (map[i]) tensors[index(map[i])] = std::move(plan_.tensors[i]);
    }
    plan_.tensors = std::move(tensors);
    plan_.steps = std::move(steps);
    plan_.gate_step = gate;
  }

  Plan& plan_;
  const std::vector<Node> before_;
  /// The step that computes the loss: what comes behind it is the backward.
  const int backward_;
  /// Of tensors as they were.
  std::vector<int> candidate_of_;
  std::vector<Candidate> candidates_;
  /// With their places.
  std::vector<PlannedTensor> tensors_;
};

}  // namespace

void repeat_norms(Plan& plan, const SessionOptions& options) {
  if (plan.mode != Mode::kTraining || options.memory != MemoryMode::kLean) return;
  if (!skips(options, "repeat_norms")) Repetition(plan).run();
}

}  // namespace equipoise::engine
