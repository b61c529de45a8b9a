#pragma once

#include "graph/operation.h"

namespace equipoise {

/// y[…,i] = e^x[…,i] / Σ e^x[…,j] over the last dimension, where the mask, which broadcasts to x,
/// is not 0; 0 where it is. A row without any is 0. The mask gets no gradient.
class Softmax final : public Operation {
 public:
  enum Input { kX, kMask };

  std::string_view type() const override { return "softmax"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// dx[…,i] = y[…,i]·(dy[…,i] − Σ dy[…,j]·y[…,j]): y, dy → dx, all of one shape. Where y = 0 because
/// of a mask, dx = 0.
class SoftmaxGradient final : public Operation {
 public:
  enum Input { kY, kDY };

  std::string_view type() const override { return "softmax_gradient"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;
};

/// Throws Error unless an input is f32 and has rows, the last dimension, that hold something and
/// are not the samples.
void require_rows(std::string_view name, const TensorType& type);

}  // namespace equipoise
