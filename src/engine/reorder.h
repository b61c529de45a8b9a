#pragma once

#include "graph/operation.h"

namespace equipoise::engine {

/// y = x, in another format. Placed by the layout pass alone.
class Reorder final : public Operation {
 public:
  std::string_view type() const override { return "reorder"; }
  Signature signature() const override;
  std::vector<TensorType> infer(InputTypes inputs) const override;
  void evaluate(const Evaluation& evaluation) const override;
};

}  // namespace equipoise::engine
