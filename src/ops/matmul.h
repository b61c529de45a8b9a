#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// y[…,i,j] = Σ a[…,i,k]·b[…,k,j], where a or b may be given with the last two dimensions swapped:
/// a (…, m, k), b (…, k, n) → y (…, m, n). Leading dimensions broadcast. Any of the dimensions may
/// be N, as long as it is the first of y: (N, k) transposed times (N, n) is (k, n).
class MatMul final : public Operation {
 public:
  enum Input { kA, kB };

  explicit MatMul(ops::Transposed a = ops::Transposed::kNo,
                  ops::Transposed b = ops::Transposed::kNo)
      : a_transposed_(a), b_transposed_(b) {}
  ops::Transposed a_transposed() const { return a_transposed_; }
  ops::Transposed b_transposed() const { return b_transposed_; }

  std::string_view type() const override { return "matmul"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::Transposed a_transposed_;
  ops::Transposed b_transposed_;
};

}  // namespace equipoise
