#include "engine/finite.h"

#include <algorithm>
#include <atomic>
#include <optional>
#include <utility>
#include <vector>

#include <fmt/format.h>

#include "base/parallel.h"
#include "engine/execute.h"
#include "equipoise/communicator.h"

namespace equipoise::engine {
namespace {

constexpr std::int64_t kChunk = 65536;

const char* kind_of(const TensorInfo& info) {
  switch (info.role) {
    case TensorRole::kInput:
      return "the input";
    case TensorRole::kParameter:
      return "the parameter";
    case TensorRole::kBuffer:
      return "the buffer";
    case TensorRole::kConstant:
      return "the constant";
    case TensorRole::kResult:
      break;
  }
  return "the output of";
}

class Search {
 public:
  explicit Search(const BoundPlan& bound)
      : bound_(bound), is_known_(bound.plan->tensors.size(), false) {}

  const std::optional<NonFinite>& found() const { return found_; }

  void look_at_inputs(const Node& node) {
    for (const TensorId id : node.inputs) {
      if (!id || bound_.plan->graph.tensor(id).role == TensorRole::kResult) continue;
      look_at(id, bound_.plan->graph.tensor(id).name);
    }
  }

  void look_at_outputs(const Node& node, const Step& step) {
    for (const TensorId id : node.outputs) {
      if (id) look_at(id, node.name);
    }
    if (found_ || step.norm < 0) return;
    const NormSlot& slot = bound_.run.norms[static_cast<std::size_t>(step.norm)];
    if (slot.running == nullptr || slot.running->staged() == slot.staged_before) return;
    if (const auto why = slot.running->refusal()) found_ = {.name = node.name, .text = *why};
  }

 private:
  void look_at(TensorId id, const std::string& name) {
    const auto i = static_cast<std::size_t>(id.index);
    const TensorInfo& info = bound_.plan->graph.tensor(id);
    const PlannedTensor& tensor = bound_.plan->tensors[i];
    if (found_ || is_known_[i] || info.type.record || info.type.dtype != DType::kF32) return;
    is_known_[i] = true;
    const std::int64_t bad =
        count_non_finite(bound_.pointer(id), tensor.bytes, bound_.plan->threads);
    if (bad == 0) return;
    found_ = {.name = name,
              .text = fmt::format("{} '{}' is not finite ({} of {} values)", kind_of(info), name,
                                  bad, tensor.shape.element_count())};
  }

  const BoundPlan& bound_;
  /// Of inputs and of what is kept: looked at where they are first read.
  std::vector<bool> is_known_;
  std::optional<NonFinite> found_;
};

}  // namespace

std::int64_t count_non_finite(const void* values, std::size_t bytes, int threads) {
  const auto* const bits = static_cast<const std::uint32_t*>(values);
  std::atomic<std::int64_t> count{0};
  parallel_for_chunks(static_cast<std::int64_t>(bytes / sizeof(std::uint32_t)), kChunk, threads,
                      [&](std::int64_t first, std::int64_t last) {
                        std::uint32_t bad = 0;
                        for (std::int64_t i = first; i < last; ++i) {
                          // |x|; infinities and NaN have the largest bits
                          bad += (bits[i] & 0x7fffffffU) >= 0x7f800000U ? 1 : 0;
                        }
                        count += bad;
                      });
  return count;
}

NonFinite find_non_finite(BoundPlan& bound) {
  if (bound.run.communicator != nullptr && bound.run.communicator->size() > 1) return {};
  const Plan& plan = *bound.plan;
  double* const milliseconds = std::exchange(bound.milliseconds, nullptr);
  Search search(bound);
  const auto gate = static_cast<std::size_t>(plan.gate_step);
  for (std::size_t s = 0; s < gate; ++s) {
    const Node& node = plan.graph.nodes()[s];
    if (search.found()) {
      execute(bound, s, gate + 1);
      break;
    }
    search.look_at_inputs(node);
    execute(bound, s, s + 1);
    search.look_at_outputs(node, plan.steps[s]);
  }
  bound.milliseconds = milliseconds;
  discard_staged(bound);
  return search.found().value_or(NonFinite{});
}

}  // namespace equipoise::engine
