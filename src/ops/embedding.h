#pragma once

#include <cstdint>

#include "graph/operation.h"

namespace equipoise {

/// y[…] = table[indices[…]]: indices (…) i32, table (entries, D), y (…, D). An index out of range
/// is an Error of the run.
class Embedding final : public Operation {
 public:
  enum Input { kIndices, kTable };

  std::string_view type() const override { return "embedding"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
};

/// dtable[e] = Σ dy[…] over the places where indices is e, added up in their row-major order.
class EmbeddingGradient final : public Operation {
 public:
  enum Input { kIndices, kDY };

  explicit EmbeddingGradient(std::int64_t entries) : entries_(entries) {}

  std::int64_t entries() const { return entries_; }

  std::string_view type() const override { return "embedding_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  std::int64_t entries_;
};

/// Throws Error, which both operations are in a run, for an index, element i of `indices`, that is
/// no entry of the table.
void check_index(std::int64_t index, std::int64_t i, const Shape& indices, std::int64_t entries);

}  // namespace equipoise
