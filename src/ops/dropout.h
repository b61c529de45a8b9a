#pragma once

#include <cstdint>

#include "graph/operation.h"

namespace equipoise {

/// What is kept or dropped as a whole: an element (Srivastava et al. 2014), or a sample (Huang et
/// al. 2016), which is called stochastic depth.
enum class DropoutUnit : std::uint8_t { kElement, kSample };

/// y = x/(1 − probability) where its unit is kept, else 0. Unit i, an element by its row-major
/// index whatever the layout, is kept if uniform(random_key ^ stream, i) ≥ probability. The
/// gradient is the same operation of the same stream, applied to dy.
class Dropout final : public Operation {
 public:
  enum Input { kX };

  Dropout(DropoutUnit unit, double probability, std::uint64_t stream)
      : unit_(unit), probability_(probability), stream_(stream) {}

  DropoutUnit unit() const { return unit_; }
  double probability() const { return probability_; }
  /// The key of the name of the forward node.
  std::uint64_t stream() const { return stream_; }

  std::string_view type() const override;
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  DropoutUnit unit_;
  double probability_;
  std::uint64_t stream_;
};

}  // namespace equipoise
