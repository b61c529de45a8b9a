#include "formats/onnx_networks.h"

namespace equipoise::testing {

std::vector<BuiltNetwork> built_networks() {
  using enum ModelNorm::Kind;
  std::vector<BuiltNetwork> networks;
  for (const std::string model : {"resnet14", "plain20", "vgg11", "efficientnet_b0"}) {
    networks.push_back({model, kBatch});
  }
  for (const std::string model : {"mlp", "resnet8", "encoder"}) {
    for (const ModelNorm::Kind norm : {kBatch, kLayer, kInstance, kGroup, kRms, kNone}) {
      const bool has_groups_of_one = norm == kInstance && model == "mlp";
      if (!has_groups_of_one) networks.push_back({model, norm});
    }
  }
  return networks;
}

}  // namespace equipoise::testing
