#pragma once

#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// g ← scale·gradient + weight_decay·parameter;  v ← momentum·velocity + g;  parameter ← parameter
/// − rate·(v, or g + momentum·v with Nesterov). Overwrites parameter and velocity, which have the
/// gradient's shape; velocity is there if and only if there is momentum. rate and scale have one
/// element; without scale it is 1.
class SgdUpdate final : public Operation {
 public:
  enum Input { kParameter, kGradient, kVelocity, kRate, kScale };
  enum Output { kNewParameter, kNewVelocity };

  explicit SgdUpdate(const ops::SgdOptions& options) : options_(options) {}

  const ops::SgdOptions& options() const { return options_; }

  std::string_view type() const override { return "sgd_update"; }
  Signature signature() const override;
  std::vector<Attribute> attributes() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  int updates(int output) const override {
    return output == kNewParameter ? kParameter : kVelocity;
  }
  double flops(std::span<const Shape* const> inputs,
               std::span<const Shape* const> outputs) const override;

 private:
  ops::SgdOptions options_;
};

}  // namespace equipoise
