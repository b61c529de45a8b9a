#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "equipoise/models.h"

namespace equipoise {

class NetworkBuilder;

/// Options that have a default of their own in each network.
struct ModelSettings {
  std::int64_t classes = 1000;
  std::int64_t input_channels = 3;
  ops::Pair input_size = {224, 224};
  ModelNorm::Kind norm = ModelNorm::Kind::kBatch;
  double dropout = 0;
  double stochastic_depth = 0;
  std::vector<std::int64_t> hidden = {};
};

/// A network that is known by name.
struct ModelEntry {
  std::string_view name;
  ModelSettings defaults;
  /// Which of the options that only some networks have a use for.
  enum class Takes : std::uint8_t { kImage, kImageAndHidden, kTokens };
  Takes takes = Takes::kImage;
  std::function<void(NetworkBuilder&)> build;
};

/// The entry's defaults but for what the options say. Throws Error for options out of range, and
/// those that the network has no use for.
ModelSettings resolve_settings(const ModelEntry& entry, const ModelOptions& options);

std::vector<ModelEntry> resnet_entries();
std::vector<ModelEntry> efficientnet_entries();
std::vector<ModelEntry> efficientnet_lite_entries();
std::vector<ModelEntry> mobilenet_entries();
std::vector<ModelEntry> vgg_entries();
std::vector<ModelEntry> mlp_entries();
std::vector<ModelEntry> encoder_entries();

}  // namespace equipoise
