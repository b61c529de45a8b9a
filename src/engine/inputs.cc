#include "engine/inputs.h"

#include <algorithm>

#include <fmt/format.h>

#include "base/text.h"
#include "engine/finite.h"
#include "engine/passes/pass.h"
#include "equipoise/error.h"

namespace equipoise::engine {
namespace {

[[noreturn]] void fail(const Graph& graph, std::string_view name, std::string_view what) {
  throw Error(fmt::format("graph '{}', input '{}': {}", graph.name(), name, what));
}

const TensorInfo& find_input(const Graph& graph, std::string_view name) {
  for (const TensorInfo& info : graph.tensors()) {
    if (info.role == TensorRole::kInput && info.name == name) return info;
  }
  std::vector<std::string_view> names;
  for (const TensorId id : graph.with_role(TensorRole::kInput)) {
    names.emplace_back(graph.tensor(id).name);
  }
  fail(graph, name, fmt::format("there is no such input{}", did_you_mean(name, names)));
}

bool fits(const GraphShape& wanted, const Shape& given) {
  if (wanted.rank() != given.rank()) return false;
  for (int i = 0; i < wanted.rank(); ++i) {
    if (wanted[i] != GraphShape::kBatch && wanted[i] != given[i]) return false;
  }
  return true;
}

}  // namespace

std::int64_t check_inputs(const Graph& graph, Inputs inputs) {
  std::int64_t batch = -1;
  std::string_view batch_from;
  for (const Input& input : inputs) {
    const TensorType& type = find_input(graph, input.name).type;
    const ConstTensorView& value = input.value;
    if (std::ranges::count(inputs, input.name, &Input::name) > 1) {
      fail(graph, input.name, "it is given twice");
    }
    if (!fits(type.shape, value.shape)) {
      fail(graph, input.name,
           fmt::format("it has shape {}; it has to be {}", to_string(value.shape),
                       to_string(type.shape)));
    }
    if (value.dtype != type.dtype) {
      fail(graph, input.name,
           fmt::format("it is {}; it has to be {}", to_string(value.dtype), to_string(type.dtype)));
    }
    if (value.layout != Layout::kChannelsFirst) {
      fail(graph, input.name,
           fmt::format("its layout is {}; it has to be row-major ({})", to_string(value.layout),
                       to_string(Layout::kChannelsFirst)));
    }
    if (!type.shape.batched()) {
      if (value.data == nullptr) fail(graph, input.name, "it has no data");
      continue;
    }
    if (value.shape[0] < 1)
      fail(graph, input.name, "it has no samples; a batch needs at least one");
    if (value.data == nullptr) fail(graph, input.name, "it has no data");
    if (batch >= 0 && batch != value.shape[0]) {
      fail(graph, input.name,
           fmt::format("it has {} samples, '{}' has {}", value.shape[0], batch_from, batch));
    }
    batch = value.shape[0];
    batch_from = input.name;
  }
  return std::max<std::int64_t>(batch, 1);
}

std::vector<std::int64_t> non_finite_samples(const Graph& graph, Inputs inputs, std::int64_t batch,
                                             int threads) {
  std::vector<std::int64_t> found;
  for (const Input& input : inputs) {
    if (input.value.dtype != DType::kF32) continue;
    const std::int64_t elements = input.value.shape.element_count();
    const auto* const values = static_cast<const float*>(input.value.data);
    const auto is_finite = [&](std::int64_t first, std::int64_t count) {
      const std::size_t bytes = static_cast<std::size_t>(count) * sizeof(float);
      return count_non_finite(values + first, bytes, threads) == 0;
    };
    if (is_finite(0, elements)) continue;
    const bool batched = find_input(graph, input.name).type.shape.batched();
    const std::int64_t per_sample = elements / batch;
    for (std::int64_t n = 0; n < batch; ++n) {
      if (!batched || !is_finite(n * per_sample, per_sample)) found.push_back(n);
    }
  }
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

namespace {

/// Null for an input of the caller.
const float* number_of(const Plan& plan, const std::string& input, const UpdateNumbers& numbers) {
  if (input == plan.rate_input) return &numbers.rate;
  if (input == plan.count_input) return &numbers.count;
  if (input == plan.ema_weight_input) return &numbers.ema_weight;
  if (input == plan.scale_input) return &numbers.scale;
  if (input == plan.share_input) return &numbers.share;
  return nullptr;
}

/// Inputs in the memory of another one.
void follow_roots(BoundPlan& bound) {
  const std::vector<PlannedTensor>& tensors = bound.plan->tensors;
  for (std::size_t i = 0; i < tensors.size(); ++i) {
    if (tensors[i].place == Place::kInput && tensors[i].root >= 0) {
      bound.pointers[i] = bound.pointers[static_cast<std::size_t>(tensors[i].root)];
    }
  }
}

}  // namespace

void set_numbers(BoundPlan& bound, const UpdateNumbers& numbers) {
  const Plan& plan = *bound.plan;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorInfo& info = plan.graph.tensors()[i];
    if (info.role != TensorRole::kInput) continue;
    const float* const number = number_of(plan, info.name, numbers);
    // Kernels read inputs and never write them.
    if (number != nullptr) bound.pointers[i] = const_cast<float*>(number);
  }
  follow_roots(bound);
}

void set_inputs(BoundPlan& bound, Inputs inputs, const UpdateNumbers* numbers) {
  const Plan& plan = *bound.plan;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    const TensorInfo& info = plan.graph.tensors()[i];
    if (info.role != TensorRole::kInput) continue;
    const void* data = numbers != nullptr ? number_of(plan, info.name, *numbers) : nullptr;
    for (const Input& input : inputs) {
      if (input.name == info.name) data = input.value.data;
    }
    if (data == nullptr && bound.readers[i] > 0) {
      fail(plan.graph, info.name, fmt::format("it is missing; {} needs it", to_string(plan.mode)));
    }
    bound.pointers[i] = const_cast<void*>(data);  // kernels read inputs and never write them
  }
  follow_roots(bound);
}

}  // namespace equipoise::engine
