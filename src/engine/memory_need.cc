#include "engine/memory_need.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/system_memory.h"
#include "equipoise/error.h"

namespace equipoise::engine {
namespace {

std::string gib(std::size_t bytes) {
  return fmt::format("{:.1f} GiB", static_cast<double>(bytes) / (1024.0 * 1024.0 * 1024.0));
}

/// The largest one that is in memory of its own.
std::size_t largest_tensor(const Plan& plan) {
  std::size_t largest = 0;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const PlannedTensor& tensor = plan.tensors[i];
    if (tensor.root < 0 && tensor.bytes > plan.tensors[largest].bytes) largest = i;
  }
  return largest;
}

std::string describe(const Plan& plan, std::size_t tensor) {
  const TensorInfo& info = plan.graph.tensors()[tensor];
  const std::string node =
      info.producer ? fmt::format("that of node '{}', ", plan.graph.node(info.producer).name) : "";
  return fmt::format("{}'{}' of {}, {}", node, info.name, to_string(plan.tensors[tensor].shape),
                     gib(plan.tensors[tensor].bytes));
}

}  // namespace

void require_memory(const Plan& plan, const MemoryNeed& need) {
  const std::size_t available = available_memory();
  if (need.intermediate + need.state <= available) return;
  throw Error(fmt::format(
      "graph '{}', {} with a batch of {}: needs {} for intermediate results and {} for parameters "
      "and buffers, and {} are available; the largest tensor is {}; take a smaller batch, smaller "
      "images or a smaller model",
      plan.graph.name(), to_string(plan.mode), plan.batch, gib(need.intermediate), gib(need.state),
      gib(available), describe(plan, largest_tensor(plan))));
}

void require_memory(const Graph& graph, const State* state) {
  double bytes = 0;
  double largest_bytes = 0;
  const TensorInfo* largest = nullptr;
  for (const TensorInfo& info : graph.tensors()) {
    const bool kept = info.role == TensorRole::kParameter || info.role == TensorRole::kBuffer;
    if (!kept || (state != nullptr && state->has(info.name))) continue;
    const double own =
        sizeof(float) * static_cast<double>(info.type.shape.resolve(1).element_count());
    bytes += own;
    if (own <= largest_bytes) continue;
    largest_bytes = own;
    largest = &info;
  }
  const std::size_t available = available_memory();
  if (bytes <= static_cast<double>(available)) return;
  throw Error(
      fmt::format("graph '{}': its parameters and buffers need {}, and {} are available; "
                  "the largest is '{}' of {}, {}",
                  graph.name(), gib(static_cast<std::size_t>(bytes)), gib(available), largest->name,
                  to_string(largest->type.shape), gib(static_cast<std::size_t>(largest_bytes))));
}

}  // namespace equipoise::engine
