#pragma once

#include <cstdint>
#include <vector>

#include "equipoise/graph.h"
#include "equipoise/session.h"

namespace equipoise::program {

/// Made-up values for all inputs of a graph: normal images, tokens and labels that there are, masks
/// of sequences of several lengths.
class BenchInputs {
 public:
  BenchInputs(const Graph& graph, std::int64_t batch);

  std::span<const Input> inputs() const { return inputs_; }

 private:
  std::vector<std::vector<float>> values_;
  std::vector<std::vector<std::int32_t>> indices_;
  std::vector<Input> inputs_;
};

}  // namespace equipoise::program
