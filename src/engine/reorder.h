#pragma once

#include "graph/operation.h"

namespace equipoise::engine {

/// y = x, in another format: where the layout pass places it, in that which a reader wants; in a
/// graph that was built with it, in the layout of images between convolutions.
class Reorder final : public Operation {
 public:
  std::string_view type() const override { return "reorder"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
  void differentiate(GradientWriter& writer) const override;
};

}  // namespace equipoise::engine
