#pragma once

#include <cstdint>
#include <string>

#include "equipoise/graph.h"
#include "equipoise/models.h"
#include "equipoise/operations.h"
#include "models/settings.h"

namespace equipoise {

/// A k × k convolution, padded so that stride 1 keeps the size (k is odd).
struct ConvolutionLayer {
  std::int64_t out = 0;
  std::int64_t kernel = 1;
  std::int64_t stride = 1;
  std::int64_t groups = 1;
};

/// Whether a layer has a bias.
enum class Bias : std::uint8_t {
  kYes,
  /// Unless the normalization behind it has one.
  kUnlessNormalized,
};

/// How linear layers are initialized.
struct LinearInitialization {
  Initialization weight = {};
  Initialization bias = {};
};

Initialization constant(double value);
Initialization normal(double deviation);
Initialization uniform(double limit);

/// What networks are made of: layers with their parameters, under the names of PyTorch. A layer's
/// node has the layer's name, so names are used once.
class NetworkBuilder {
 public:
  NetworkBuilder(std::string name, ModelSettings settings, const ModelOptions& options);

  const ModelSettings& settings() const { return settings_; }
  const ModelOptions& options() const { return options_; }
  Graph& graph() { return graph_; }
  const GraphShape& shape(TensorId tensor) const { return graph_.tensor(tensor).type.shape; }
  std::int64_t channels(TensorId tensor) const { return shape(tensor)[1]; }
  /// What was built.
  Graph take() { return std::move(graph_); }

  /// The input "image".
  TensorId image();

  /// Initialized as He et al. 2015 (equation 10) with the fan-out, as torchvision does: normal with
  /// variance 2/(out·kernel²). (Also where there are groups, each of which has less fan-out.)
  TensorId convolution(const std::string& name, TensorId x, const ConvolutionLayer& layer,
                       Bias bias = Bias::kUnlessNormalized);

  /// The network's normalization over the channels of (N, C, …), or x where it has none.
  TensorId norm(const std::string& name, TensorId x, double gamma = 1);
  /// That over the features of (N, L, D), for which the mask (N, L) says what counts.
  TensorId norm_features(const std::string& name, TensorId x, TensorId mask, double gamma = 1);
  /// γ of the last normalization of a residual branch.
  double last_gamma() const { return options_.zero_gamma ? 0 : 1; }

  TensorId activate(const std::string& name, TensorId x, ops::Function function) {
    return ops::activate(graph_, name, x, function);
  }

  TensorId linear(const std::string& name, TensorId x, std::int64_t out,
                  const LinearInitialization& initialization, Bias bias = Bias::kYes);
  /// The same for parameters that are called otherwise than "<name>.weight" and "<name>.bias".
  TensorId linear(const std::string& name, TensorId x, std::int64_t out,
                  const LinearInitialization& initialization, const std::string& weight_name,
                  const std::string& bias_name);

  /// The last layer, whose parameters are called `name`, and whose result "logits", the output.
  void classify(const std::string& name, TensorId x, const LinearInitialization& initialization);

  /// Nothing where the probability is 0.
  TensorId dropout(const std::string& name, TensorId x);
  TensorId stochastic_depth(const std::string& name, TensorId x, double probability);

 private:
  bool norm_has_bias() const;
  TensorId batch_norm(const std::string& name, const ops::NormInputs& inputs);
  ops::NormInputs norm_inputs(const std::string& name, TensorId x, std::int64_t channels,
                              double gamma);
  TensorId norm_channels(const std::string& name, const ops::NormInputs& inputs);
  void require_values(const std::string& name, TensorId x, std::int64_t channels_per_group) const;

  Graph graph_;
  ModelSettings settings_;
  const ModelOptions& options_;
};

}  // namespace equipoise
