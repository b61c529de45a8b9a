#include "engine/sample_rows.h"

#include <algorithm>
#include <cstring>

#include "engine/execute.h"
#include "ops/normalization.h"

namespace equipoise::engine {

bool mixes_samples(const Plan& plan) {
  std::vector<bool> is_of_all_samples(plan.graph.tensors().size());
  for (const Node& node : plan.graph.nodes()) {
    bool reads_samples = false;
    bool reads_all_samples = false;
    for (const TensorId id : node.inputs) {
      if (!id) continue;
      reads_samples |= plan.graph.tensor(id).type.shape.batched();
      reads_all_samples |= is_of_all_samples[static_cast<std::size_t>(id.index)];
    }
    const auto* norm = dynamic_cast<const Norm*>(node.operation.get());
    if (norm != nullptr && norm->norm().kind == NormKind::kBatch) {
      reads_all_samples |= norm->norm().statistics != Statistics::kRunning;
    }
    for (const TensorId id : node.outputs) {
      if (!id) continue;
      if (plan.graph.tensor(id).type.shape.batched()) {
        if (reads_all_samples) return true;
      } else {
        is_of_all_samples[static_cast<std::size_t>(id.index)] = reads_samples || reads_all_samples;
      }
    }
  }
  return false;
}

SampleRows::SampleRows(const Plan& plan, std::size_t steps, std::span<const std::int64_t> samples)
    : samples_(samples) {
  for (std::size_t i = 0; i < plan.outputs.size(); ++i) {
    const TensorId id = plan.outputs[i].tensor;
    const NodeId producer = plan.graph.tensor(id).producer;
    // All others are the caller's inputs and what depends on the state alone.
    const bool is_computed =
        plan.tensors[static_cast<std::size_t>(id.index)].place == Place::kArena;
    if (is_computed && static_cast<std::size_t>(producer.index) < steps) outputs_.push_back(i);
  }
}

void SampleRows::compute(BoundPlan& bound) {
  const Plan& plan = *bound.plan;
  std::size_t steps = plan.prepared_steps;
  for (const std::size_t i : outputs_) {
    const NodeId producer = plan.graph.tensor(plan.outputs[i].tensor).producer;
    steps = std::max(steps, static_cast<std::size_t>(producer.index) + 1);
  }
  execute(bound, plan.prepared_steps, steps);
  for_each(bound, [&](const std::byte* row, std::size_t bytes) {
    rows_.insert(rows_.end(), row, row + bytes);
  });
}

void SampleRows::put_into(BoundPlan& bound) const {
  const std::byte* from = rows_.data();
  for_each(bound, [&](std::byte* row, std::size_t bytes) {
    std::memcpy(row, from, bytes);
    from += bytes;
  });
}

template <class Visit>
void SampleRows::for_each(BoundPlan& bound, const Visit& visit) const {
  const Plan& plan = *bound.plan;
  for (const std::size_t i : outputs_) {
    const TensorId id = plan.outputs[i].tensor;
    const TensorType& type = plan.graph.tensor(id).type;
    auto* const data = static_cast<std::byte*>(bound.pointer(id));
    const auto elements = static_cast<std::size_t>(type.shape.resolve(plan.batch).element_count());
    const std::size_t bytes = elements * size_of(type.dtype);
    if (!type.shape.batched()) {
      visit(data, bytes);
      continue;
    }
    const std::size_t row = bytes / static_cast<std::size_t>(plan.batch);
    for (const std::int64_t n : samples_) visit(data + static_cast<std::size_t>(n) * row, row);
  }
}

}  // namespace equipoise::engine
