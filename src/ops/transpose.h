#pragma once

#include <utility>

#include "graph/operation.h"

namespace equipoise {

/// Dimension i of y is dimension permutation[i] of x. A batched first dimension stays in its place.
class Transpose final : public Operation {
 public:
  explicit Transpose(std::vector<int> permutation) : permutation_(std::move(permutation)) {}
  const std::vector<int>& permutation() const { return permutation_; }

  std::string_view type() const override { return "transpose"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  std::vector<int> permutation_;
};

}  // namespace equipoise
