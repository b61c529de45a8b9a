#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "equipoise/models.h"

namespace equipoise::testing {

/// A file of pytorch_networks.py and the network that it is about.
struct NetworkCase {
  std::string model;
  ModelNorm::Kind norm = ModelNorm::Kind::kBatch;
  /// As the program has them; without dropout and stochastic depth.
  ModelOptions options = {};
  std::int64_t batch = 4;

  /// "mlp_batch"
  std::string name() const { return model + "_" + to_string(norm); }
};

inline void PrintTo(const NetworkCase& network, std::ostream* out) { *out << network.name(); }

/// Those that an interpreter runs in seconds: mlp, resnet8 and encoder.
std::vector<NetworkCase> small_network_cases();
/// resnet18, efficientnet_b0, mobilenet_v2 and vgg11.
std::vector<NetworkCase> large_network_cases();
/// Those of this program: small_networks.cc or large_networks.cc says which.
std::vector<NetworkCase> network_cases();

}  // namespace equipoise::testing
