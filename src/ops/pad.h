#pragma once

#include <cstdint>
#include <utility>

#include "graph/operation.h"

namespace equipoise {

/// x with `value` added before and after it, along its last dimensions: the last of both lists is
/// that of the last dimension. Where they are negative, elements of x are left out instead. N is
/// not padded.
class Pad final : public Operation {
 public:
  /// REQUIRES: lists of one length.
  Pad(std::vector<std::int64_t> before, std::vector<std::int64_t> after, float value = 0)
      : before_(std::move(before)), after_(std::move(after)), value_(value) {}
  const std::vector<std::int64_t>& before() const { return before_; }
  const std::vector<std::int64_t>& after() const { return after_; }
  float value() const { return value_; }

  std::string_view type() const override { return "pad"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;

 private:
  std::vector<std::int64_t> before_;
  std::vector<std::int64_t> after_;
  float value_;
};

}  // namespace equipoise
