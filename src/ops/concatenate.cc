#include "ops/concatenate.h"

#include <fmt/format.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/indices.h"
#include "ops/slice.h"

namespace equipoise {

Signature Concatenate::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs, .variadic = true};
}

std::vector<Attribute> Concatenate::attributes() const {
  return AttributeList().add("axis", std::int64_t{axis_}).list();
}

std::vector<TensorType> Concatenate::infer(InputTypes inputs) const {
  const GraphShape& first = inputs[0]->shape;
  require_axis("x", first, axis_);
  std::vector<std::int64_t> y(first.dimensions().begin(), first.dimensions().end());
  std::int64_t& total = y[static_cast<std::size_t>(axis_)];
  total = 0;
  for (const TensorType* x : inputs) {
    require_dtype("x", *x, DType::kF32);
    bool fits = x->shape.rank() == first.rank();
    for (int d = 0; fits && d < first.rank(); ++d) {
      fits = d == axis_ || x->shape[d] == first[d];
    }
    if (!fits) {
      fail_inference(fmt::format("it joins {} and {}; all dimensions but {} have to be equal",
                                 to_string(first), to_string(x->shape), axis_));
    }
    total += x->shape[axis_];
  }
  return {{.shape = GraphShape(y)}};
}

void Concatenate::evaluate(const Evaluation& evaluation) const {
  Array& y = evaluation.output(0);
  std::int64_t begin = 0;
  for (const Array* x : evaluation.inputs) {
    for_each_index(x->shape, [&](Index index, std::int64_t place) {
      index[static_cast<std::size_t>(axis_)] += begin;
      y[place_of(index, y.shape)] = (*x)[place];
    });
    begin += x->shape[axis_];
  }
}

void Concatenate::differentiate(GradientWriter& writer) const {
  std::int64_t begin = 0;
  for (int i = 0; i < writer.input_count(); ++i) {
    const std::int64_t length = writer.input_type(i).shape[axis_];
    if (writer.wants(i)) {
      writer.set(
          i, writer.add_one(fmt::format("dx{}", i), std::make_shared<Slice>(axis_, begin, length),
                            {writer.output_gradient(0)}));
    }
    begin += length;
  }
}

TensorId ops::concatenate(Graph& graph, std::string name, std::span<const TensorId> inputs,
                          int axis) {
  return graph.add_node(std::move(name), std::make_shared<Concatenate>(axis),
                        {inputs.begin(), inputs.end()})[0];
}

}  // namespace equipoise
