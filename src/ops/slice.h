#pragma once

#include <cstdint>
#include <string_view>

#include "graph/operation.h"

namespace equipoise {

/// Elements begin … begin + length − 1 of one dimension of x, which is not batched.
class Slice final : public Operation {
 public:
  Slice(int axis, std::int64_t begin, std::int64_t length)
      : axis_(axis), begin_(begin), length_(length) {}
  int axis() const { return axis_; }
  std::int64_t begin() const { return begin_; }
  std::int64_t length() const { return length_; }

  std::string_view type() const override { return "slice"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  int axis_;
  std::int64_t begin_;
  std::int64_t length_;
};

/// Throws Error unless it is one of the input's dimensions, and not N.
void require_axis(std::string_view name, const GraphShape& shape, int axis);

}  // namespace equipoise
