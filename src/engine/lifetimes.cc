#include "engine/lifetimes.h"

#include <algorithm>
#include <numeric>

#include "base/round_up.h"

namespace equipoise::engine {
namespace {

constexpr std::size_t kAlignment = 64;

std::size_t index(TensorId id) { return static_cast<std::size_t>(id.index); }

}  // namespace

std::size_t aligned(std::size_t bytes) { return round_up(bytes, kAlignment); }

Place place_of(const TensorInfo& tensor) {
  switch (tensor.role) {
    case TensorRole::kInput:
      return Place::kInput;
    case TensorRole::kParameter:
    case TensorRole::kBuffer:
      return Place::kState;
    case TensorRole::kConstant:
      return Place::kConstant;
    case TensorRole::kResult:
      break;
  }
  return tensor.type.record ? Place::kNorm : Place::kArena;
}

std::vector<StepUse> uses_of(const Plan& plan) {
  std::vector<StepUse> uses;
  for (std::size_t s = 0; s < plan.steps.size(); ++s) {
    const Node& node = plan.graph.nodes()[s];
    uses.push_back({node.operation.get(), &plan.steps[s], node.inputs, node.outputs});
  }
  return uses;
}

Lifetimes::Lifetimes(std::span<const StepUse> steps, std::span<const TensorId> kept,
                     std::span<const PlannedTensor> tensors, Mode mode, bool reuse)
    : steps_(steps),
      tensors_(tensors),
      reuse_(reuse),
      root_(tensors.size()),
      first_(tensors.size(), 0),
      last_(tensors.size(), -1) {
  std::iota(root_.begin(), root_.end(), std::size_t{0});
  const int count = static_cast<int>(steps.size());
  for (int s = 0; s < count; ++s) {
    const StepUse& use = steps[static_cast<std::size_t>(s)];
    for (const TensorId id : use.inputs) {
      if (id) last_[index(id)] = s;
    }
    for (const TensorId id : use.outputs) {
      if (!id) continue;
      first_[index(id)] = s;
      last_[index(id)] = std::max(last_[index(id)], s);
    }
  }
  for (const TensorId id : kept) last_[index(id)] = count;
  if (!reuse) std::ranges::fill(last_, count);

  for (int s = 0; s < count; ++s) {
    const StepUse& use = steps[static_cast<std::size_t>(s)];
    for (std::size_t i = 0; i < use.outputs.size() && mode == Mode::kTraining; ++i) {
      const int updated = use.operation->updates(static_cast<int>(i));
      if (use.outputs[i] && updated >= 0) {
        join(use.outputs[i], use.inputs[static_cast<std::size_t>(updated)]);
      }
    }
    if (use.step->alias) join(use.outputs[0], use.inputs[0]);
    write_over_inputs(s);
  }
}

void Lifetimes::write_over_inputs(int s) {
  const StepUse& use = steps_[static_cast<std::size_t>(s)];
  if (use.step->in_place.empty()) return;
  std::vector<bool> written(use.outputs.size());  // over an input, of which one is enough
  for (const auto& [output, input] : use.step->in_place) {
    if (written[static_cast<std::size_t>(output)]) continue;
    const TensorId from = use.inputs[static_cast<std::size_t>(input)];
    const TensorId to = use.outputs[static_cast<std::size_t>(output)];
    if (!may_overwrite(s, to, from)) continue;
    join(to, from);
    written[static_cast<std::size_t>(output)] = true;
  }
}

/// The two share memory from now on.
void Lifetimes::join(TensorId output, TensorId input) {
  const std::size_t from = root(index(output));
  const std::size_t to = root(index(input));
  root_[from] = to;
  first_[to] = std::min(first_[to], first_[from]);
  last_[to] = std::max(last_[to], last_[from]);
}

/// Whether step s may write an output over an input: it is not to be written over another one
/// already, nobody reads that memory later, the step itself reads it once, both are the arena's
/// (what is prepared outlives it), and it is large enough.
bool Lifetimes::may_overwrite(int s, TensorId output, TensorId input) const {
  if (!reuse_ || !output || !input || root(index(output)) != index(output)) return false;
  const std::size_t block = root(index(input));
  const auto shares = [&](TensorId id) { return id && root(index(id)) == block; };
  return tensors_[block].place == Place::kArena && tensors_[index(output)].place == Place::kArena &&
         last_[block] == s && tensors_[index(output)].bytes <= tensors_[block].bytes &&
         std::ranges::count_if(steps_[static_cast<std::size_t>(s)].inputs, shares) == 1;
}

std::size_t Lifetimes::peak() const {
  std::vector<std::size_t> begins(steps_.size() + 1);
  std::vector<std::size_t> ends(steps_.size() + 1);
  for (std::size_t i = 0; i < tensors_.size(); ++i) {
    if (tensors_[i].place != Place::kArena || root_[i] != i || last_[i] < 0) continue;
    begins[static_cast<std::size_t>(first_[i])] += aligned(tensors_[i].bytes);
    ends[static_cast<std::size_t>(last_[i])] += aligned(tensors_[i].bytes);
  }
  std::size_t alive = 0;
  std::size_t most = 0;
  for (std::size_t s = 0; s < steps_.size(); ++s) {
    alive += begins[s];
    most = std::max(most, alive + aligned(steps_[s].step->scratch_bytes));
    alive -= ends[s];
  }
  return most;
}

}  // namespace equipoise::engine
