#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y = f(x), element by element.
class Activate final : public Operation {
 public:
  enum Input { kX };

  Activate(ops::Function function, float negative_slope)
      : function_(function), negative_slope_(negative_slope) {}

  ops::Function function() const { return function_; }
  /// Of kLeakyRelu.
  float negative_slope() const { return negative_slope_; }

  std::string_view type() const override { return "activate"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::Function function_;
  float negative_slope_;
};

/// dx = dy·f′(x). Reads x, not y: the function need not be invertible.
class ActivateGradient final : public Operation {
 public:
  enum Input { kX, kDY };

  ActivateGradient(ops::Function function, float negative_slope)
      : function_(function), negative_slope_(negative_slope) {}

  ops::Function function() const { return function_; }
  float negative_slope() const { return negative_slope_; }

  std::string_view type() const override { return "activate_gradient"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::Function function_;
  float negative_slope_;
};

}  // namespace equipoise
