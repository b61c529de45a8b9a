#include "bench_inputs.h"

#include <algorithm>
#include <limits>
#include <random>
#include <string_view>

namespace equipoise::program {
namespace {

/// How many values an input of integers may take: rows of the tensor that they choose from.
std::int32_t choices(const Graph& graph, TensorId input) {
  std::int64_t least = std::numeric_limits<std::int32_t>::max();
  for (const Node& node : graph.nodes()) {
    if (std::ranges::find(node.inputs, input) == node.inputs.end()) continue;
    for (const TensorId id : node.inputs) {
      if (!id || id == input) continue;
      const GraphShape& shape = graph.tensor(id).type.shape;
      // Labels choose a column of the logits, tokens a row of the embedding.
      least = std::min(least, shape.batched() ? shape[1] : shape[0]);
    }
  }
  return static_cast<std::int32_t>(least);
}

}  // namespace

BenchInputs::BenchInputs(const Graph& graph, std::int64_t batch) {
  std::mt19937 random(1);
  const std::vector<TensorId> ids = graph.with_role(TensorRole::kInput);
  values_.reserve(ids.size());
  indices_.reserve(ids.size());
  for (const TensorId id : ids) {
    const TensorInfo& info = graph.tensor(id);
    const Shape shape = info.type.shape.resolve(batch);
    const auto count = static_cast<std::size_t>(shape.element_count());
    const void* data = nullptr;
    if (info.type.dtype == DType::kI32) {
      std::uniform_int_distribution<std::int32_t> any(0, choices(graph, id) - 1);
      std::vector<std::int32_t>& made = indices_.emplace_back(count);
      std::ranges::generate(made, [&] { return any(random); });
      data = made.data();
    } else {
      std::vector<float>& made = values_.emplace_back(count, 1.0F);
      if (info.name != "mask") {
        std::normal_distribution<float> normal;
        std::ranges::generate(made, [&] { return normal(random); });
      } else {
        // A sequence in four is whole, the others are shorter by a quarter of it each.
        const auto length = static_cast<std::size_t>(shape[1]);
        for (std::size_t n = 0; n < static_cast<std::size_t>(batch); ++n) {
          const std::size_t padding = n % 4 * length / 4;
          std::fill_n(made.begin() + static_cast<std::ptrdiff_t>((n + 1) * length - padding),
                      padding, 0.0F);
        }
      }
      data = made.data();
    }
    inputs_.push_back({info.name, {.data = data, .shape = shape, .dtype = info.type.dtype}});
  }
}

}  // namespace equipoise::program
