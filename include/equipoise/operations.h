#pragma once

/// What nodes of a graph can compute. Each function appends one node called `name` and returns its
/// result; shapes are inferred. All throw Error, naming node and tensors, if the inputs do not fit.
///
/// x is (N, C, H, W) for convolution and pooling, (N, C, …) for normalization except layer-like
/// ones, (…, features) for linear, and of any shape for elementwise operations.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/graph.h"
#include "equipoise/norm.h"
#include "equipoise/running_statistics.h"
#include "equipoise/tensor.h"

namespace equipoise::ops {

/// Rows or columns added at each edge of an image.
struct Edges {
  std::int64_t top = 0, left = 0, bottom = 0, right = 0;

  static constexpr Edges all(std::int64_t n) { return {n, n, n, n}; }
  bool operator==(const Edges&) const = default;
};

/// {vertical, horizontal}
using Pair = std::array<std::int64_t, 2>;

struct ConvolutionOptions {
  Pair stride = {1, 1};
  Edges padding = {};
  Pair dilation = {1, 1};
  /// C for a depthwise convolution.
  std::int64_t groups = 1;
};

/// y[n,o,h,w] = bias[o] + Σ weight[o,c,i,j]·x[n, c₀ + c, h·stride + i·dilation − top, …], c over
/// the C/groups channels of o's group; outside of x there are zeros. weight is (O, C/groups, kh,
/// kw), bias (O) or none.
EQUIPOISE_API TensorId convolution(Graph& graph, std::string name, TensorId x, TensorId weight,
                                   TensorId bias, const ConvolutionOptions& options = {});

/// Inputs of a normalization; see NormForward.
struct NormInputs {
  TensorId x;
  /// γ and β; none: 1 and 0.
  TensorId weight = {};
  TensorId bias = {};
  /// Of batch normalization: buffers of one value per channel.
  TensorId running_mean = {};
  TensorId running_var = {};
  /// Added before the activation.
  TensorId residual = {};
  /// (N, …positions of x) weights ≥ 0 in the statistics; batch, instance and group normalization.
  TensorId position_weights = {};
};

/// What all normalizations can do besides: y = act(γ·x̂ + β [+ residual]).
struct NormOptions {
  double epsilon = 1e-5;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
};

struct BatchNormNode {
  double epsilon = 1e-5;
  Activation activation = Activation::kNone;
  float negative_slope = 0.01F;
  /// How training takes statistics, and whether it stages new ones. (Inference takes running ones;
  /// both can be changed per node when the graph runs.)
  Statistics statistics = Statistics::kBatch;
  bool update_running = true;
  UpdateRule rule = {};
  double pseudo_count = 16;
  std::int64_t ghost_batch_size = 0;
  std::optional<Renorm> renorm = std::nullopt;
  /// Over all ranks of the communicator that the session has.
  bool synchronized = false;
};

EQUIPOISE_API TensorId batch_norm(Graph& graph, std::string name, const NormInputs& inputs,
                                  const BatchNormNode& options = {});
EQUIPOISE_API TensorId instance_norm(Graph& graph, std::string name, const NormInputs& inputs,
                                     const NormOptions& options = {});
EQUIPOISE_API TensorId group_norm(Graph& graph, std::string name, const NormInputs& inputs,
                                  std::int64_t groups, const NormOptions& options = {});
EQUIPOISE_API TensorId layer_norm(Graph& graph, std::string name, const NormInputs& inputs,
                                  LayerAxes axes, const NormOptions& options = {});
EQUIPOISE_API TensorId rms_norm(Graph& graph, std::string name, const NormInputs& inputs,
                                LayerAxes axes, const NormOptions& options = {});

/// y = x·weightᵀ + bias over the last dimension; weight is (out, in), bias (out) or none.
EQUIPOISE_API TensorId linear(Graph& graph, std::string name, TensorId x, TensorId weight,
                              TensorId bias = {});

enum class Transposed : std::uint8_t { kNo, kYes };

/// y = a·b of the last two dimensions, for each index of those before, which are equal or 1.
EQUIPOISE_API TensorId matmul(Graph& graph, std::string name, TensorId a, TensorId b,
                              Transposed a_transposed = Transposed::kNo,
                              Transposed b_transposed = Transposed::kNo);

/// An elementwise function.
enum class Function : std::uint8_t {
  kRelu,       ///< max(x, 0)
  kRelu6,      ///< min(max(x, 0), 6)
  kLeakyRelu,  ///< x if x > 0, else negative_slope·x
  kSilu,       ///< x·sigmoid(x)
  kSigmoid,    ///< 1 / (1 + e^−x)
  kTanh,
  kGelu,         ///< x·Φ(x), Φ the normal distribution function (Hendrycks & Gimpel 2016)
  kHardSwish,    ///< x·min(max(x + 3, 0), 6) / 6
  kHardSigmoid,  ///< min(max(x + 3, 0), 6) / 6
};

EQUIPOISE_API TensorId activate(Graph& graph, std::string name, TensorId x, Function function,
                                float negative_slope = 0.01F);

/// Both broadcast as NumPy does: dimensions are aligned at the last, and 1 fits anything.
EQUIPOISE_API TensorId add(Graph& graph, std::string name, TensorId a, TensorId b);
EQUIPOISE_API TensorId multiply(Graph& graph, std::string name, TensorId a, TensorId b);

struct PoolOptions {
  Pair kernel = {2, 2};
  Pair stride = {2, 2};
  Edges padding = {};
  /// Of average pooling: whether padding counts in the number that is divided by.
  bool count_padding = false;
};

/// Padding never wins.
EQUIPOISE_API TensorId max_pool(Graph& graph, std::string name, TensorId x,
                                const PoolOptions& options);
EQUIPOISE_API TensorId average_pool(Graph& graph, std::string name, TensorId x,
                                    const PoolOptions& options);
/// (N, C, H, W) → (N, C, 1, 1)
EQUIPOISE_API TensorId global_average_pool(Graph& graph, std::string name, TensorId x);

/// Dimensions from `first` on become one.
EQUIPOISE_API TensorId flatten(Graph& graph, std::string name, TensorId x, int first = 1);
/// The same elements in row-major order. A batched x stays batched in its first dimension.
EQUIPOISE_API TensorId reshape(Graph& graph, std::string name, TensorId x, GraphShape shape);
/// Dimension i of y is dimension permutation[i] of x. A batched first dimension stays in its place.
EQUIPOISE_API TensorId transpose(Graph& graph, std::string name, TensorId x,
                                 std::vector<int> permutation);
/// Along one dimension; all others are equal. Not along a batched one.
EQUIPOISE_API TensorId concatenate(Graph& graph, std::string name, std::span<const TensorId> inputs,
                                   int axis);
/// Elements begin … begin + length − 1 of one dimension; not of a batched one.
EQUIPOISE_API TensorId slice(Graph& graph, std::string name, TensorId x, int axis,
                             std::int64_t begin, std::int64_t length);
/// Adds `value` at the edges of the last two dimensions; negative numbers leave out as many rows or
/// columns.
EQUIPOISE_API TensorId pad(Graph& graph, std::string name, TensorId x, const Edges& edges,
                           float value = 0);

/// Over the last dimension. Where the mask, which broadcasts to x, is 0, the result is 0 and x does
/// not count; a row without any is 0.
EQUIPOISE_API TensorId softmax(Graph& graph, std::string name, TensorId x, TensorId mask = {});
EQUIPOISE_API TensorId log_softmax(Graph& graph, std::string name, TensorId x);

/// (N, L, D) → (N, D): the mean over the positions that the mask (N, L) weighs; 0 where it is all
/// 0.
EQUIPOISE_API TensorId masked_mean(Graph& graph, std::string name, TensorId x, TensorId mask);

/// In training, each element is 0 with this probability, others are divided by 1 − probability;
/// else y = x. Which ones depends on the run's seed and step and the node's name.
EQUIPOISE_API TensorId dropout(Graph& graph, std::string name, TensorId x, double probability);
/// The same for whole samples (Huang et al. 2016).
EQUIPOISE_API TensorId stochastic_depth(Graph& graph, std::string name, TensorId x,
                                        double probability);

/// Rows of the table (entries, D), by indices (i32) of any shape: (…) → (…, D).
EQUIPOISE_API TensorId embedding(Graph& graph, std::string name, TensorId indices, TensorId table);

/// The mean over samples of −Σ q·log softmax(logits), with q = 1 − s + s/K at the label and s/K
/// elsewhere, s the smoothing and K the classes. logits (N, K), labels (N) i32.
EQUIPOISE_API TensorId cross_entropy(Graph& graph, std::string name, TensorId logits,
                                     TensorId labels, double label_smoothing = 0);
/// The mean of (x − target)² over all elements.
EQUIPOISE_API TensorId mean_squared_error(Graph& graph, std::string name, TensorId x,
                                          TensorId target);

/// The gate between gradients and update: √(Σ g²) of all of them, which is finite if and only if
/// they all are (the sum is taken in f64).
EQUIPOISE_API TensorId gradient_norm(Graph& graph, std::string name,
                                     std::span<const TensorId> gradients);

struct SgdOptions {
  double momentum = 0;
  bool nesterov = false;
  /// Adds weight_decay·parameter to the gradient.
  double weight_decay = 0;
};

/// PyTorch's SGD: g ← g + weight_decay·p;  v ← momentum·v + g;  p ← p − rate·(v, or g + momentum·v
/// with Nesterov). Overwrites `parameter` and `velocity` (a buffer of its shape, none without
/// momentum); `rate` has one element.
///
/// In a session, training runs it behind the gate, and inference does not: there nothing is
/// overwritten.
EQUIPOISE_API void sgd_update(Graph& graph, std::string name, TensorId parameter, TensorId gradient,
                              TensorId velocity, TensorId rate, const SgdOptions& options);

struct AdamWOptions {
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-8;
  /// Each update multiplies the parameter by 1 − rate·weight_decay.
  double weight_decay = 0;
};

/// What AdamW keeps for a parameter: buffers of its shape, zero at first.
struct AdamWMoments {
  TensorId exp_avg;
  TensorId exp_avg_sq;
};

/// AdamW (Loshchilov & Hutter 2019, algorithm 2; PyTorch's), the update number t = `count` ≥ 1:
///
///     m ← β₁·m + (1 − β₁)·g      v ← β₂·v + (1 − β₂)·g²
///     p ← (1 − rate·weight_decay)·p − rate·m̂/(√v̂ + ε),   m̂ = m/(1 − β₁ᵗ),   v̂ = v/(1 − β₂ᵗ)
///
/// Overwrites `parameter` and `moments`; `rate` and `count` have one element. Runs when
/// `sgd_update` does.
EQUIPOISE_API void adamw_update(Graph& graph, std::string name, TensorId parameter,
                                TensorId gradient, const AdamWMoments& moments, TensorId rate,
                                TensorId count, const AdamWOptions& options);

}  // namespace equipoise::ops
