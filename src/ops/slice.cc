#include "ops/slice.h"

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/indices.h"
#include "ops/pad.h"

namespace equipoise {

Signature Slice::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Slice::attributes() const {
  return AttributeList()
      .add("axis", std::int64_t{axis_})
      .add("begin", begin_)
      .add("length", length_)
      .list();
}

std::vector<TensorType> Slice::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[0], DType::kF32);
  const GraphShape& x = inputs[0]->shape;
  require_axis("x", x, axis_);
  const std::int64_t size = x[axis_];
  if (begin_ < 0 || length_ < 1 || begin_ > size || length_ > size - begin_) {
    fail_inference(
        fmt::format("x has shape {}; {} elements from {} on are not within the {} of "
                    "dimension {}",
                    to_string(x), length_, begin_, size, axis_));
  }
  std::vector<std::int64_t> y(x.dimensions().begin(), x.dimensions().end());
  y[static_cast<std::size_t>(axis_)] = length_;
  return {{.shape = GraphShape(y)}};
}

void Slice::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  for_each_index(y.shape, [&](Index index, std::int64_t place) {
    index[static_cast<std::size_t>(axis_)] += begin_;
    y[place] = x[place_of(index, x.shape)];
  });
}

void Slice::differentiate(GradientWriter& writer) const {
  // Zeros where nothing was read.
  const GraphShape& x = writer.input_type(0).shape;
  std::vector<std::int64_t> before(static_cast<std::size_t>(x.rank() - axis_));
  std::vector<std::int64_t> after = before;
  before[0] = begin_;
  after[0] = x[axis_] - begin_ - length_;
  writer.set(
      0, writer.add_one("dx", std::make_shared<Pad>(before, after), {writer.output_gradient(0)}));
}

TensorId ops::slice(Graph& graph, std::string name, TensorId x, int axis, std::int64_t begin,
                    std::int64_t length) {
  return graph.add_node(std::move(name), std::make_shared<Slice>(axis, begin, length), {x})[0];
}

void require_axis(std::string_view name, const GraphShape& shape, int axis) {
  if (axis < 0 || axis >= shape.rank()) {
    fail_inference(
        fmt::format("{} has shape {}; it has no dimension {}", name, to_string(shape), axis));
  }
  if (axis == 0 && shape.batched()) {
    fail_inference(fmt::format(
        "{} has shape {}; the axis cannot be 0, the samples, of which no number is known", name,
        to_string(shape)));
  }
}

}  // namespace equipoise
