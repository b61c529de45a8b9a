#include "ops/broadcast.h"

#include <algorithm>

#include <fmt/format.h>

#include "ops/sum_to.h"

namespace equipoise {

std::optional<std::vector<std::int64_t>> broadcast(std::span<const std::int64_t> a,
                                                   std::span<const std::int64_t> b) {
  if (a.size() < b.size()) std::swap(a, b);
  std::vector<std::int64_t> result(a.begin(), a.end());
  const std::size_t ahead = a.size() - b.size();
  for (std::size_t i = 0; i < b.size(); ++i) {
    std::int64_t& dimension = result[ahead + i];
    if (dimension == 1) dimension = b[i];
    if (dimension != b[i] && b[i] != 1) return std::nullopt;
  }
  return result;
}

GraphShape broadcast(std::string_view a_name, const GraphShape& a, std::string_view b_name,
                     const GraphShape& b) {
  const auto dimensions = broadcast(a.dimensions(), b.dimensions());
  if (!dimensions) {
    fail_inference(
        fmt::format("{} has shape {}, {} {}; aligned at the last, their dimensions have to be "
                    "equal or 1",
                    a_name, to_string(a), b_name, to_string(b)));
  }
  if (std::ranges::find(dimensions->begin() + (dimensions->empty() ? 0 : 1), dimensions->end(),
                        GraphShape::kBatch) != dimensions->end()) {
    fail_inference(
        fmt::format("{} has shape {}, {} {}; N has to be the first dimension of the result", a_name,
                    to_string(a), b_name, to_string(b)));
  }
  return GraphShape(*dimensions);
}

bool broadcasts_to(const GraphShape& from, const GraphShape& to) {
  const auto dimensions = broadcast(from.dimensions(), to.dimensions());
  return dimensions && std::ranges::equal(*dimensions, to.dimensions());
}

std::vector<std::int64_t> broadcast_offsets(const Shape& from, const Shape& to) {
  std::vector<std::int64_t> offsets = {0};
  for (int d = 0; d < to.rank(); ++d) {
    const int in_from = d - (to.rank() - from.rank());
    const std::int64_t size = in_from < 0 ? 1 : from[in_from];
    std::vector<std::int64_t> next;
    for (const std::int64_t offset : offsets) {
      for (std::int64_t i = 0; i < to[d]; ++i) next.push_back(offset * size + (size == 1 ? 0 : i));
    }
    offsets = std::move(next);
  }
  return offsets;
}

void set_summed(GradientWriter& writer, int input, std::string_view suffix, TensorId gradient) {
  const GraphShape shape = writer.input_type(input).shape;
  if (writer.graph().tensor(gradient).type.shape != shape) {
    gradient = writer.add_one(suffix, std::make_shared<SumTo>(shape), {gradient});
  }
  writer.set(input, gradient);
}

}  // namespace equipoise
