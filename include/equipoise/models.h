#pragma once

/// Networks that are known by name, each with any normalization.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/norm.h"
#include "equipoise/operations.h"
#include "equipoise/running_statistics.h"

namespace equipoise {

/// The normalization of a network. What is unset is as the network's paper has it.
///
/// A convolution or linear layer that a normalization with a bias follows has none of its own, as
/// usual (but for VGG's, as in torchvision); with kRms and kNone it has one.
struct ModelNorm {
  /// x is (N, C, H, W) in convolutional networks, (N, C) in an MLP and (N, L, D) in the encoder,
  /// where the D features are the channels, and padding does not count.
  enum class Kind : std::uint8_t {
    kBatch,     ///< over samples and positions, per channel
    kLayer,     ///< over all of a sample: group normalization with one group; over the features of
                ///< each position in the encoder
    kInstance,  ///< over the positions of a sample, per channel
    kGroup,     ///< over the positions of a sample, per group of channels
    kRms,       ///< over the channels of each position, with weight and without bias
    kNone,      ///< left out
  };

  std::optional<Kind> kind = std::nullopt;
  /// 1e-5, as in torchvision and timm; the papers of MobileNet and EfficientNet have 1e-3.
  double epsilon = 1e-5;
  /// Of kGroup. Where it does not divide the channels, the largest divisor below it is taken.
  std::int64_t groups = 32;

  /// Of kBatch: momentum 0.1, as in torchvision and timm; the papers of MobileNet and EfficientNet
  /// have 0.01.
  UpdateRule rule = {};
  Statistics statistics = Statistics::kBatch;
  bool update_running = true;
  double pseudo_count = 16;
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm = std::nullopt;
  bool synchronized = false;
};

[[nodiscard]] EQUIPOISE_API const char* to_string(ModelNorm::Kind kind);

/// Sizes of the encoder.
struct EncoderSizes {
  std::int64_t vocabulary = 10000;
  /// L, of all sequences; shorter ones are padded and masked.
  std::int64_t length = 128;
  /// D
  std::int64_t width = 128;
  /// Divides the width.
  std::int64_t heads = 4;
  std::int64_t layers = 4;
  /// Of the hidden layer in each block's MLP.
  std::int64_t mlp_width = 512;
};

/// What is unset is as the network's paper has it.
struct ModelOptions {
  /// 1000 for networks of ImageNet, 10 for small ones.
  std::optional<std::int64_t> classes = std::nullopt;
  /// 3, and 1 for the MLP.
  std::optional<std::int64_t> input_channels = std::nullopt;
  /// {height, width}: 224 × 224 for networks of ImageNet (EfficientNet-B1 … B3: 240, 260, 300), 32
  /// × 32 for small ones, 28 × 28 for the MLP.
  std::optional<ops::Pair> input_size = std::nullopt;
  ModelNorm norm = {};
  /// The last normalization of each residual branch begins with γ = 0, so that the block begins as
  /// the identity (Goyal et al. 2017, section 5.1).
  bool zero_gamma = false;
  /// Probability, before the last layer (VGG: after hidden ones; encoder: also after the
  /// embedding, attention and MLP).
  std::optional<double> dropout = std::nullopt;
  /// Of the deepest residual branch; earlier ones have less, linearly (Huang et al. 2016).
  std::optional<double> stochastic_depth = std::nullopt;
  /// Widths of hidden linear layers: the MLP's, {100, 100, 100}; VGG's, {4096, 4096}.
  std::optional<std::vector<std::int64_t>> hidden = std::nullopt;
  /// Of the MLP.
  ops::Function mlp_activation = ops::Function::kSigmoid;
  EncoderSizes encoder = {};
};

/// All networks (docs/models.md has their sizes):
///
/// | names | origin | parameters are called as in |
/// |---|---|---|
/// | resnet18, 34, 50, 101 | He et al. 2015 | torchvision |
/// | resnet8, 14, 20, 32, 56 | section 4.2 there; 1 × 1 shortcuts | torchvision's resnet18 |
/// | plain20, 56 | the same without shortcuts | torchvision's resnet18 |
/// | efficientnet_b0 … b3 | Tan & Le 2019 | torchvision |
/// | efficientnet_lite0 | timm's | timm |
/// | mobilenet_v2 | Sandler et al. 2018 | torchvision |
/// | vgg11, vgg16 | Simonyan & Zisserman 2014 | torchvision: vgg11_bn; for kNone vgg11 |
/// | mlp | Ioffe & Szegedy 2015, section 4.1 | fc1, norm1, … |
/// | encoder | Transformer, norms before attention and MLP | TransformerEncoderLayer |
[[nodiscard]] EQUIPOISE_API std::span<const std::string_view> model_names();

/// The network of that name, with the input "image" (N, C, H, W), or for the encoder "tokens" (N,
/// L) of i32 and "mask" (N, L), 1 at tokens and 0 at padding; and the output "logits" (N, classes).
///
/// Throws Error for an unknown name, with the nearest ones; for options out of range or that the
/// network has no use for; for an image that is too small for it; and for a normalization whose
/// groups have one value each, which would all be normalized to 0: instance normalization in the
/// MLP, or where the image has shrunk to 1 × 1.
[[nodiscard]] EQUIPOISE_API Graph build_model(std::string_view name,
                                              const ModelOptions& options = {});

/// Adds the input "labels" (N) of i32 and the output "loss", the cross-entropy of "logits" (see
/// ops::cross_entropy). Throws Error for a graph without "logits".
EQUIPOISE_API TensorId add_classification_loss(Graph& graph, double label_smoothing = 0);

}  // namespace equipoise
