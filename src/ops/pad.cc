#include "ops/pad.h"

#include <algorithm>
#include <functional>
#include <limits>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/indices.h"

namespace equipoise {
namespace {

// Sums with a dimension stay far from overflow.
constexpr std::int64_t kMost = std::numeric_limits<std::int32_t>::max();

bool within_limits(std::int64_t added) { return added >= -kMost && added <= kMost; }

std::vector<std::int64_t> negated(std::vector<std::int64_t> list) {
  std::ranges::transform(list, list.begin(), std::negate<>{});
  return list;
}

}  // namespace

Signature Pad::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Pad::attributes() const {
  return AttributeList()
      .add("before", before_)
      .add("after", after_)
      .add("value", double{value_}, 0.0)
      .list();
}

std::vector<TensorType> Pad::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[0], DType::kF32);
  const GraphShape& x = inputs[0]->shape;
  const int first = x.rank() - static_cast<int>(before_.size());
  if (first < (x.batched() ? 1 : 0)) {
    fail_inference(fmt::format("x has shape {}; it needs {} dimensions that can be padded",
                               to_string(x), before_.size()));
  }
  std::vector<std::int64_t> y(x.dimensions().begin(), x.dimensions().end());
  for (std::size_t i = 0; i < before_.size(); ++i) {
    std::int64_t& size = y[static_cast<std::size_t>(first) + i];
    const bool possible = within_limits(before_[i]) && within_limits(after_[i]);
    if (possible) size += before_[i] + after_[i];
    if (!possible || size < 1) {
      fail_inference(
          fmt::format("x has shape {}; with [{}] added before and [{}] after its last "
                      "dimensions, nothing or too much would be left",
                      to_string(x), fmt::join(before_, ", "), fmt::join(after_, ", ")));
    }
  }
  return {{.shape = GraphShape(y)}};
}

void Pad::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  const auto first = static_cast<std::size_t>(x.shape.rank()) - before_.size();
  for_each_index(y.shape, [&](Index index, std::int64_t place) {
    bool inside = true;
    for (std::size_t i = 0; i < before_.size(); ++i) {
      std::int64_t& in_x = index[first + i];
      in_x -= before_[i];
      inside = inside && in_x >= 0 && in_x < x.shape[static_cast<int>(first + i)];
    }
    y[place] = inside ? x[place_of(index, x.shape)] : double{value_};
  });
}

void Pad::differentiate(GradientWriter& writer) const {
  const auto crop = std::make_shared<Pad>(negated(before_), negated(after_));
  writer.set(0, writer.add_one("dx", crop, {writer.output_gradient(0)}));
}

TensorId ops::pad(Graph& graph, std::string name, TensorId x, const Edges& edges, float value) {
  const auto operation = std::make_shared<Pad>(std::vector{edges.top, edges.left},
                                               std::vector{edges.bottom, edges.right}, value);
  return graph.add_node(std::move(name), operation, {x})[0];
}

}  // namespace equipoise
