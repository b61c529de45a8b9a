#include "ops/transpose.h"

#include <algorithm>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/attribute_list.h"
#include "ops/indices.h"

namespace equipoise {

Signature Transpose::signature() const {
  static constexpr Signature::Port kInputs[] = {{"x"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> Transpose::attributes() const {
  return AttributeList()
      .add("permutation", std::vector<std::int64_t>(permutation_.begin(), permutation_.end()))
      .list();
}

std::vector<TensorType> Transpose::infer(InputTypes inputs) const {
  require_dtype("x", *inputs[0], DType::kF32);
  const GraphShape& x = inputs[0]->shape;
  std::vector<int> dimensions(static_cast<std::size_t>(x.rank()));
  std::iota(dimensions.begin(), dimensions.end(), 0);
  if (!std::ranges::is_permutation(permutation_, dimensions)) {
    fail_inference(fmt::format("x has shape {}; [{}] is no permutation of its {} dimensions",
                               to_string(x), fmt::join(permutation_, ", "), x.rank()));
  }
  if (x.batched() && permutation_[0] != 0) {
    fail_inference(
        fmt::format("x has shape {}; [{}] moves N, which has to stay the first dimension",
                    to_string(x), fmt::join(permutation_, ", ")));
  }
  std::vector<std::int64_t> y;
  for (const int d : permutation_) y.push_back(x[d]);
  return {{.shape = GraphShape(y)}};
}

void Transpose::evaluate(const Evaluation& evaluation) const {
  const Array& x = evaluation.input(0);
  Array& y = evaluation.output(0);
  for_each_index(y.shape, [&](const Index& in_y, std::int64_t place) {
    Index in_x = {};
    for (std::size_t i = 0; i < permutation_.size(); ++i) {
      in_x[static_cast<std::size_t>(permutation_[i])] = in_y[i];
    }
    y[place] = x[place_of(in_x, x.shape)];
  });
}

void Transpose::differentiate(GradientWriter& writer) const {
  std::vector<int> inverse(permutation_.size());
  for (std::size_t i = 0; i < permutation_.size(); ++i) {
    inverse[static_cast<std::size_t>(permutation_[i])] = static_cast<int>(i);
  }
  writer.set(0, writer.add_one("dx", std::make_shared<Transpose>(std::move(inverse)),
                               {writer.output_gradient(0)}));
}

TensorId ops::transpose(Graph& graph, std::string name, TensorId x, std::vector<int> permutation) {
  return graph.add_node(std::move(name), std::make_shared<Transpose>(std::move(permutation)),
                        {x})[0];
}

}  // namespace equipoise
