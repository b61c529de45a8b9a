#include "formats/onnx_networks.h"

namespace equipoise::testing {

std::vector<BuiltNetwork> built_networks() {
  using enum ModelNorm::Kind;
  std::vector<BuiltNetwork> networks;
  for (const std::string_view name : model_names()) {
    networks.push_back({std::string(name), name == "encoder" ? kLayer : kBatch});
  }
  for (const ModelNorm::Kind norm : {kLayer, kGroup, kRms, kNone}) {
    networks.push_back({"efficientnet_b0", norm});
    networks.push_back({"vgg11", norm});
  }
  return networks;
}

}  // namespace equipoise::testing
