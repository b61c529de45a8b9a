#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "equipoise/models.h"
#include "equipoise/session.h"
#include "formats/onnx.h"

namespace equipoise::testing {

/// A network by name, with a normalization.
struct BuiltNetwork {
  std::string model;
  ModelNorm::Kind norm = ModelNorm::Kind::kBatch;

  Graph graph() const;
  std::string name() const { return model + "_" + to_string(norm); }
};

inline void PrintTo(const BuiltNetwork& network, std::ostream* out) { *out << network.name(); }

/// Those that this program is linked with: small ones with all normalizations
/// (onnx_small_networks.cc), or every builder (onnx_all_networks.cc).
std::vector<BuiltNetwork> built_networks();

/// Moves what normalizations have (and other short tensors) a little off, and counts batches.
void shake(State& state);

formats::OnnxModel decode(const std::string& bytes, std::string_view where = "FILE");
std::vector<ConstStateView> views(const formats::OnnxModel& model);

/// Values for all inputs of a graph.
class MadeInputs {
 public:
  MadeInputs(const Graph& graph, std::int64_t batch);
  std::span<const Input> inputs() const { return inputs_; }

 private:
  std::vector<std::vector<float>> floats_;
  std::vector<std::vector<std::int32_t>> integers_;
  std::vector<Input> inputs_;
};

}  // namespace equipoise::testing
