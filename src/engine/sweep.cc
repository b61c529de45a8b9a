#include "engine/sweep.h"

#include <algorithm>
#include <set>

#include "base/parallel.h"
#include "engine/context.h"
#include "engine/implementations/rows.h"
#include "engine/passes/pass.h"
#include "graph/operation.h"

namespace equipoise::engine {
namespace {

/// Null unless a step is an update that any part of a loop may take.
const ElementwiseKernel* update_of(const Plan& plan, std::size_t s) {
  if (!updates_anything(plan.graph.nodes()[s])) return nullptr;
  return dynamic_cast<const ElementwiseKernel*>(plan.steps[s].kernel.get());
}

enum class Relation : std::uint8_t { kConflict, kBeside, kFollows };

/// The memory that the steps of a sweep read, and write.
class Touched {
 public:
  explicit Touched(const Plan& plan) : plan_(plan) {}

  /// How a step relates to those before it; of a conflict nothing is added.
  Relation add(const Node& node, std::int64_t elements) {
    std::set<int> written;
    for (const TensorId id : node.outputs) {
      if (id) written.insert(root(id));
    }
    for (const int tensor : written) {
      if (read_.contains(tensor) || written_.contains(tensor)) return Relation::kConflict;
    }
    std::set<int> read;
    for (const TensorId id : node.inputs) {
      if (id && !written.contains(root(id))) read.insert(root(id));
    }
    bool follows = false;
    for (const int tensor : read) {
      if (!written_.contains(tensor)) continue;
      if (!written_by_chain_.contains(tensor) || elements != elements_of_chain_) {
        return Relation::kConflict;
      }
      follows = true;
    }
    if (!follows) written_by_chain_.clear();
    elements_of_chain_ = elements;
    written_by_chain_.insert(written.begin(), written.end());
    read_.merge(read);
    written_.merge(written);
    return follows ? Relation::kFollows : Relation::kBeside;
  }

 private:
  int root(TensorId id) const {
    const PlannedTensor& tensor = plan_.tensors[static_cast<std::size_t>(id.index)];
    return tensor.root >= 0 ? tensor.root : id.index;
  }

  const Plan& plan_;
  std::set<int> read_;
  std::set<int> written_;
  std::set<int> written_by_chain_;
  std::int64_t elements_of_chain_ = 0;
};

void add_parts(Sweep& sweep, std::size_t s, std::int64_t elements) {
  for (std::int64_t begin = 0; begin < elements; begin += kTile) {
    sweep.parts.push_back({.step = s - sweep.first,
                           .length = 1,
                           .begin = begin,
                           .end = std::min(begin + kTile, elements)});
  }
}

/// The parts of the last chain go through one more step.
void lengthen_chain(Sweep& sweep) {
  const std::size_t step = sweep.parts.empty() ? 0 : sweep.parts.back().step;
  for (auto part = sweep.parts.rbegin(); part != sweep.parts.rend() && part->step == step; ++part) {
    ++part->length;
  }
}

}  // namespace

std::vector<Sweep> find_sweeps(const Plan& plan) {
  std::vector<Sweep> sweeps;
  if (plan.mode != Mode::kTraining) return sweeps;
  std::size_t s = 0;
  while (s < plan.steps.size()) {
    if (update_of(plan, s) == nullptr) {
      ++s;
      continue;
    }
    Sweep sweep{.first = s};
    Touched touched(plan);
    for (; s < plan.steps.size(); ++s) {
      const ElementwiseKernel* kernel = update_of(plan, s);
      if (kernel == nullptr) break;
      const Relation relation = touched.add(plan.graph.nodes()[s], kernel->elements());
      if (relation == Relation::kConflict) break;
      if (relation == Relation::kFollows) {
        lengthen_chain(sweep);
      } else {
        add_parts(sweep, s, kernel->elements());
      }
    }
    sweep.last = s;
    sweeps.push_back(std::move(sweep));
  }
  return sweeps;
}

void run_sweep(BoundPlan& bound, const Sweep& sweep) {
  const auto nodes = bound.plan->graph.nodes();
  std::vector<void*>& pointers = bound.inputs;
  pointers.clear();
  for (std::size_t s = sweep.first; s < sweep.last; ++s) {
    for (const TensorId id : nodes[s].inputs) pointers.push_back(bound.pointer(id));
    for (const TensorId id : nodes[s].outputs) pointers.push_back(bound.pointer(id));
  }
  bound.sweep.clear();
  std::span<void* const> rest = pointers;
  for (std::size_t s = sweep.first; s < sweep.last; ++s) {
    const std::size_t inputs = nodes[s].inputs.size();
    const std::size_t outputs = nodes[s].outputs.size();
    bound.sweep.push_back({.inputs = rest.first(inputs),
                           .outputs = rest.subspan(inputs, outputs),
                           .scratch = nullptr,
                           .run = bound.run});
    rest = rest.subspan(inputs + outputs);
  }
  parallel_for(static_cast<std::int64_t>(sweep.parts.size()), bound.plan->threads,
               [&](std::int64_t i, int) {
                 const Sweep::Part& part = sweep.parts[static_cast<std::size_t>(i)];
                 for (std::size_t k = part.step; k < part.step + part.length; ++k) {
                   const Step& step = bound.plan->steps[sweep.first + k];
                   static_cast<const ElementwiseKernel&>(*step.kernel)
                       .run_part(bound.sweep[k], part.begin, part.end);
                 }
               });
}

}  // namespace equipoise::engine
