#include "ops/embedding.h"

#include <fmt/format.h>

#include "equipoise/error.h"
#include "equipoise/operations.h"
#include "graph/differentiate.h"
#include "ops/require.h"

namespace equipoise {
namespace {

GraphShape with_features(const GraphShape& indices, std::int64_t features) {
  std::vector<std::int64_t> dimensions(indices.dimensions().begin(), indices.dimensions().end());
  dimensions.push_back(features);
  return GraphShape(std::span<const std::int64_t>(dimensions));
}

std::int64_t checked_index(const Array& indices, std::int64_t i, std::int64_t entries) {
  const auto index = static_cast<std::int64_t>(indices[i]);
  check_index(index, i, indices.shape, entries);
  return index;
}

}  // namespace

Signature Embedding::signature() const {
  static constexpr Signature::Port kInputs[] = {{"indices"}, {"table"}};
  static constexpr Signature::Port kOutputs[] = {{"y"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<TensorType> Embedding::infer(InputTypes inputs) const {
  const TensorType& table = *inputs[kTable];
  require_dtype("indices", *inputs[kIndices], DType::kI32);
  require_dtype("table", table, DType::kF32);
  if (table.shape.rank() != 2 || table.shape.batched()) {
    fail_inference(fmt::format("table has shape {}; it has to be (entries, features)",
                               to_string(table.shape)));
  }
  return {TensorType{.shape = with_features(inputs[kIndices]->shape, table.shape[1])}};
}

void Embedding::evaluate(const Evaluation& evaluation) const {
  const Array& indices = evaluation.input(kIndices);
  const Array& table = evaluation.input(kTable);
  Array& y = evaluation.output(0);
  const std::int64_t features = table.shape[1];
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    const std::int64_t entry = checked_index(indices, i, table.shape[0]);
    for (std::int64_t d = 0; d < features; ++d) y[i * features + d] = table[entry * features + d];
  }
}

void Embedding::differentiate(GradientWriter& writer) const {
  if (!writer.wants(kTable)) return;
  const std::int64_t entries = writer.input_type(kTable).shape[0];
  writer.set(kTable, writer.add_one("dtable", std::make_shared<EmbeddingGradient>(entries),
                                    {writer.input(kIndices), writer.output_gradient(0)}));
}

Signature EmbeddingGradient::signature() const {
  static constexpr Signature::Port kInputs[] = {{"indices"}, {"dy"}};
  static constexpr Signature::Port kOutputs[] = {{"dtable"}};
  return {.inputs = kInputs, .outputs = kOutputs};
}

std::vector<Attribute> EmbeddingGradient::attributes() const { return {{"entries", entries_}}; }

std::vector<TensorType> EmbeddingGradient::infer(InputTypes inputs) const {
  require_dtype("indices", *inputs[kIndices], DType::kI32);
  const GraphShape& dy = inputs[kDY]->shape;
  if (dy.rank() == 0) fail_inference("dy has shape (); it needs a dimension of features");
  const std::int64_t features = dy[dy.rank() - 1];
  require_shape("dy", *inputs[kDY], with_features(inputs[kIndices]->shape, features),
                "indices with features");
  return {TensorType{.shape = {entries_, features}}};
}

void EmbeddingGradient::evaluate(const Evaluation& evaluation) const {
  const Array& indices = evaluation.input(kIndices);
  const Array& dy = evaluation.input(kDY);
  Array& dtable = evaluation.output(0);
  const std::int64_t features = dtable.shape[1];
  for (std::int64_t i = 0; i < indices.size(); ++i) {
    const std::int64_t entry = checked_index(indices, i, entries_);
    for (std::int64_t d = 0; d < features; ++d) {
      dtable[entry * features + d] += dy[i * features + d];
    }
  }
}

double EmbeddingGradient::flops(std::span<const Shape* const> inputs,
                                std::span<const Shape* const> /*outputs*/) const {
  return static_cast<double>(inputs[kDY]->element_count());
}

void check_index(std::int64_t index, std::int64_t i, const Shape& indices, std::int64_t entries) {
  if (index >= 0 && index < entries) return;
  throw Error(
      fmt::format("embedding: indices {} has {} at element {}; the table has the entries 0 to {}",
                  to_string(indices), index, i, entries - 1));
}

TensorId ops::embedding(Graph& graph, std::string name, TensorId indices, TensorId table) {
  return graph.add_node(std::move(name), std::make_shared<Embedding>(), {indices, table})[0];
}

}  // namespace equipoise
