#include "engine/plan_memory.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

#include "graph/operation.h"

namespace equipoise::testing {
namespace {

using engine::Place;
using engine::Plan;
using engine::PlannedTensor;
using engine::Step;

constexpr std::size_t kBlock = 64;

std::size_t blocks_of(std::size_t bytes) { return (bytes + kBlock - 1) / kBlock; }

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

struct Range {
  std::size_t begin = 0;
  std::size_t end = 0;

  bool overlaps(const Range& other) const { return begin < other.end && other.begin < end; }
};

class Walk {
 public:
  explicit Walk(const Plan& plan)
      : plan_(plan), holder_(blocks_of(plan.arena_bytes), kNobody), value_(plan.tensors.size()) {
    for (std::size_t i = 0; i < value_.size(); ++i) value_[i] = static_cast<int>(i);
  }

  std::vector<std::string> run() {
    for (std::size_t s = 0; s < plan_.steps.size(); ++s) step(s);
    for (const TensorId id : plan_.graph.outputs()) {
      if (in_arena(id) && !holds(id)) {
        complain("result '{}' was overwritten", plan_.graph.tensor(id).name);
      }
    }
    return std::move(complaints_);
  }

 private:
  static constexpr int kNobody = -1;
  static constexpr int kScratch = -2;

  const PlannedTensor& planned(TensorId id) const { return plan_.tensors[index(id)]; }
  bool in_arena(TensorId id) const { return id && planned(id).place == Place::kArena; }
  Range range(TensorId id) const {
    return {planned(id).offset, planned(id).offset + planned(id).bytes};
  }

  bool holds(TensorId id) const {
    const Range bytes = range(id);
    for (std::size_t b = bytes.begin / kBlock; b < blocks_of(bytes.end); ++b) {
      if (holder_[b] != value_[index(id)]) return false;
    }
    return true;
  }

  void write(const Range& bytes, int value) {
    if (bytes.end > plan_.arena_bytes) return complain("writes behind the arena");
    if (bytes.begin % kBlock != 0) return complain("writes at byte {}", bytes.begin);
    for (std::size_t b = bytes.begin / kBlock; b < blocks_of(bytes.end); ++b) holder_[b] = value;
  }

  void step(std::size_t s) {
    const Node& node = plan_.graph.nodes()[s];
    const Step& step = plan_.steps[s];
    where_ = fmt::format("step {} '{}'", s, node.name);
    for (const TensorId id : node.inputs) {
      if (in_arena(id) && !holds(id)) {
        complain("input '{}' was overwritten", plan_.graph.tensor(id).name);
      }
    }
    if (step.alias) {
      value_[index(node.outputs[0])] = value_[index(node.inputs[0])];
      if (in_arena(node.inputs[0]) &&
          planned(node.outputs[0]).offset != planned(node.inputs[0]).offset) {
        complain("the output is elsewhere than the input that it is");
      }
      return;
    }
    check_apart(node, step);
    if (step.scratch_bytes > 0) write(scratch(step), kScratch);
    for (const TensorId id : node.outputs) {
      if (in_arena(id)) write(range(id), value_[index(id)]);
    }
  }

  static Range scratch(const Step& step) {
    return {step.scratch_offset, step.scratch_offset + step.scratch_bytes};
  }

  /// What a step reads and writes at the same time, but for what it says it can do in place.
  void check_apart(const Node& node, const Step& step) {
    for (std::size_t o = 0; o < node.outputs.size(); ++o) {
      const TensorId output = node.outputs[o];
      if (!in_arena(output)) continue;
      const std::string& name = plan_.graph.tensor(output).name;
      for (std::size_t i = 0; i < node.inputs.size(); ++i) {
        const TensorId input = node.inputs[i];
        if (!in_arena(input) || !range(output).overlaps(range(input))) continue;
        const std::pair<int, int> pair{static_cast<int>(o), static_cast<int>(i)};
        const bool declared = std::ranges::find(step.in_place, pair) != step.in_place.end();
        if (!declared || planned(output).offset != planned(input).offset) {
          complain("output '{}' is written over input '{}'", name, plan_.graph.tensor(input).name);
        }
      }
      for (std::size_t other = 0; other < o; ++other) {
        if (in_arena(node.outputs[other]) && range(output).overlaps(range(node.outputs[other]))) {
          complain("two outputs, one of them '{}', overlap", name);
        }
      }
    }
    if (step.scratch_bytes == 0) return;
    for (const auto& tensors : {node.inputs, node.outputs}) {
      for (const TensorId id : tensors) {
        if (in_arena(id) && range(id).overlaps(scratch(step))) {
          complain("scratch is over '{}'", plan_.graph.tensor(id).name);
        }
      }
    }
  }

  template <class... Values>
  void complain(fmt::format_string<Values...> format, Values&&... values) {
    complaints_.push_back(where_ + ": " + fmt::format(format, std::forward<Values>(values)...));
  }

  const Plan& plan_;
  std::vector<int> holder_;
  std::vector<int> value_;  // of aliases, that of what they stand for
  std::string where_ = "the end";
  std::vector<std::string> complaints_;
};

}  // namespace

std::vector<std::string> overwritten(const Plan& plan) { return Walk(plan).run(); }

std::size_t largest_live_bytes(const Plan& plan) {
  const std::size_t steps = plan.steps.size();
  struct Life {
    std::size_t first = ~std::size_t{0};
    std::size_t last = 0;
  };
  std::vector<Life> lives(plan.tensors.size());
  const auto extend = [&](TensorId id, std::size_t s) {
    if (!id || plan.tensors[index(id)].place != Place::kArena) return;
    std::size_t i = index(id);
    while (plan.tensors[i].root >= 0) i = static_cast<std::size_t>(plan.tensors[i].root);
    lives[i].first = std::min(lives[i].first, s);
    lives[i].last = std::max(lives[i].last, s);
  };
  for (std::size_t s = 0; s < steps; ++s) {
    for (const TensorId id : plan.graph.nodes()[s].inputs) extend(id, s);
    for (const TensorId id : plan.graph.nodes()[s].outputs) extend(id, s);
  }
  for (const TensorId id : plan.graph.outputs()) extend(id, steps - 1);
  std::size_t largest = 0;
  for (std::size_t s = 0; s < steps; ++s) {
    std::size_t live = plan.steps[s].scratch_bytes;
    for (std::size_t i = 0; i < lives.size(); ++i) {
      if (lives[i].first <= s && s <= lives[i].last) live += plan.tensors[i].bytes;
    }
    largest = std::max(largest, live);
  }
  return largest;
}

}  // namespace equipoise::testing
