#pragma once

/// How frameworks keep the running averages of batch normalization, in one table, and the way
/// between them and ours. Crossing does not change inference: weight, bias, running mean and
/// running variance pass bit for bit, and so does ε, but for one that is no f32 on its way to a
/// framework that stores it as f32 (ONNX). The update rule is converted. What a framework cannot
/// express, ε or rule, the export says.

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/export.h"
#include "equipoise/layers.h"
#include "equipoise/running_statistics.h"

namespace equipoise {

enum class Framework : std::uint8_t {
  kPyTorch,  ///< torch.nn.BatchNorm{1,2,3}d
  kKeras,    ///< keras.layers.BatchNormalization (Keras 3; TF-Keras 2 with inputs of rank 2, 3)
  kTfKerasFused,  ///< tf.keras.layers.BatchNormalization of TF-Keras 2 with inputs of rank 4, 5
  kFlax,          ///< flax.linen.BatchNorm
  kOnnx,          ///< BatchNormalization since opset 14
  kDlib,          ///< dlib::bn_con, dlib::bn_fc
};

/// What a framework's number called momentum weighs.
enum class MomentumSense : std::uint8_t {
  kWeightOfNew,  ///< running ← (1 − momentum)·running + momentum·new
  kWeightOfOld,  ///< running ← momentum·running + (1 − momentum)·new
  kNone,         ///< there is no momentum
};

/// One row of the table. Names are empty for what the framework does not store.
struct Convention {
  Framework framework;
  std::string_view name;

  MomentumSense momentum_sense;
  double default_momentum;  ///< in its own sense; 0 where there is none
  Averaging default_averaging;
  std::int64_t default_window;  ///< 0 where there is none
  VarianceEstimate variance;
  double default_epsilon;

  std::string_view weight;
  std::string_view bias;
  std::string_view running_mean;
  std::string_view running_var;
  std::string_view num_batches_tracked;

  /// Whether weight and bias may be missing; if not, an export writes ones and zeros.
  bool affine_is_optional;
  /// Whether ε and momentum are stored as f32 rather than f64.
  bool attributes_are_f32;
};

// Sources, read for this table:
//
// - PyTorch 1.13.1
//   torch/nn/modules/batchnorm.py: the defaults; `momentum=None` is 1/num_batches_tracked, which
//   is counted before the update.
//   aten/src/ATen/native/Normalization.cpp, batch_norm_cpu_update_stats_template:
//   unbiased_var = var_sum/(n − 1), momentum·new + (1 − momentum)·running.
// - Keras 3
//   keras/src/layers/normalization/batch_normalization.py, call():
//   moving·momentum + new·(1 − momentum), with the variance of ops.moments, which divides by n.
// - TF-Keras 2
//   tensorflow/python/keras/layers/normalization/batch_normalization.py, _fused_batch_norm: fused
//   for ranks 4 and 5; _bessels_correction_test_only is True, so the correction stays.
//   tensorflow/core/kernels/fused_batch_norm_op.cc: rest_size_adjust = n/(n − 1).
// - Flax
//   flax/linen/normalization.py, BatchNorm and _compute_stats: the mean of squares minus the square
//   of the mean, which is biased.
// - ONNX
//   BatchNormalization, versions 14 and 15: "ReduceVar refers to the population variance"; both
//   attributes are of type FLOAT.
// - dlib 19.24
//   dlib/dnn/layers.h, class bn_: the new value weighs 1/(num_updates + 1) and num_updates is
//   capped at the window, so in the end 1/(window + 1), not 1/window. gamma and beta are the halves
//   of `params`, eps is a double.
//   dlib/cuda/cpu_dlib.cpp, batch_normalize_conv: "This scale makes the running variances
//   unbiased".
inline constexpr std::array<Convention, 6> kConventions{{
    {.framework = Framework::kPyTorch,
     .name = "PyTorch",
     .momentum_sense = MomentumSense::kWeightOfNew,
     .default_momentum = 0.1,
     .default_averaging = Averaging::kMomentum,
     .default_window = 0,
     .variance = VarianceEstimate::kUnbiased,
     .default_epsilon = 1e-5,
     .weight = "weight",
     .bias = "bias",
     .running_mean = "running_mean",
     .running_var = "running_var",
     .num_batches_tracked = "num_batches_tracked",
     .affine_is_optional = true,
     .attributes_are_f32 = false},
    {.framework = Framework::kKeras,
     .name = "Keras",
     .momentum_sense = MomentumSense::kWeightOfOld,
     .default_momentum = 0.99,
     .default_averaging = Averaging::kMomentum,
     .default_window = 0,
     .variance = VarianceEstimate::kBiased,
     .default_epsilon = 1e-3,
     .weight = "gamma",
     .bias = "beta",
     .running_mean = "moving_mean",
     .running_var = "moving_variance",
     .num_batches_tracked = "",
     .affine_is_optional = true,
     .attributes_are_f32 = false},
    {.framework = Framework::kTfKerasFused,
     .name = "TF-Keras 2 (fused)",
     .momentum_sense = MomentumSense::kWeightOfOld,
     .default_momentum = 0.99,
     .default_averaging = Averaging::kMomentum,
     .default_window = 0,
     .variance = VarianceEstimate::kUnbiased,
     .default_epsilon = 1e-3,
     .weight = "gamma",
     .bias = "beta",
     .running_mean = "moving_mean",
     .running_var = "moving_variance",
     .num_batches_tracked = "",
     .affine_is_optional = true,
     .attributes_are_f32 = false},
    {.framework = Framework::kFlax,
     .name = "Flax",
     .momentum_sense = MomentumSense::kWeightOfOld,
     .default_momentum = 0.99,
     .default_averaging = Averaging::kMomentum,
     .default_window = 0,
     .variance = VarianceEstimate::kBiased,
     .default_epsilon = 1e-5,
     .weight = "scale",
     .bias = "bias",
     .running_mean = "mean",
     .running_var = "var",
     .num_batches_tracked = "",
     .affine_is_optional = true,
     .attributes_are_f32 = false},
    {.framework = Framework::kOnnx,
     .name = "ONNX",
     .momentum_sense = MomentumSense::kWeightOfOld,
     .default_momentum = 0.9,
     .default_averaging = Averaging::kMomentum,
     .default_window = 0,
     .variance = VarianceEstimate::kBiased,
     .default_epsilon = 1e-5,
     .weight = "scale",
     .bias = "B",
     .running_mean = "input_mean",
     .running_var = "input_var",
     .num_batches_tracked = "",
     .affine_is_optional = false,
     .attributes_are_f32 = true},
    {.framework = Framework::kDlib,
     .name = "dlib",
     .momentum_sense = MomentumSense::kNone,
     .default_momentum = 0,
     .default_averaging = Averaging::kWindowed,
     .default_window = 100,
     .variance = VarianceEstimate::kUnbiased,
     .default_epsilon = 1e-4,
     .weight = "gamma",
     .bias = "beta",
     .running_mean = "running_means",
     .running_var = "running_variances",
     .num_batches_tracked = "num_updates",
     .affine_is_optional = false,
     .attributes_are_f32 = false},
}};

/// The row of a framework.
EQUIPOISE_API const Convention& convention(Framework framework);

/// One array of a framework's state, under the framework's name for it.
struct ForeignArray {
  std::string name;
  std::vector<float> values;
};

/// A batch-normalization layer in a framework's own terms.
struct ForeignBatchNorm {
  Framework framework = Framework::kPyTorch;
  /// What errors call the layer.
  std::string name = "batch_norm";
  /// As the framework stores it: an export to ONNX rounds it, and the momentum, to f32. An import
  /// needs it: models often have another one than `Convention::default_epsilon`.
  std::optional<double> epsilon = std::nullopt;
  /// In the framework's sense. None: PyTorch's `momentum=None` (cumulative), and dlib.
  std::optional<double> momentum = std::nullopt;
  /// dlib's running_stats_window_size; not used by the others.
  std::int64_t window = 0;
  /// PyTorch's num_batches_tracked, dlib's num_updates; 0 for the others.
  std::int64_t num_batches_tracked = 0;
  /// Weight, bias, running mean and variance, under the names of Convention, in any order.
  std::vector<ForeignArray> arrays = {};
  /// Filled by an export: in what the framework's running averages, or its ε and so its outputs,
  /// will differ from the layer's, one sentence each; empty if in nothing.
  std::vector<std::string> differences = {};
};

/// A layer that infers as the framework's does, and whose next update of the running averages is
/// the framework's. It is in training mode, as constructed. Throws Error for an array that is
/// missing, unknown, given twice or of another size than the running mean, a missing ε or momentum,
/// a negative number of batches, and whatever the constructor of BatchNorm refuses.
[[nodiscard]] EQUIPOISE_API BatchNorm import_batch_norm(const ForeignBatchNorm& foreign);

/// The layer's state in a framework's terms (not its activation, nor what happens in training
/// besides the running averages). Where the framework has no such update rule, its next update
/// weighs the new value as the layer's would, if it can, and `differences` tells. Throws Error for
/// a negative number of batches, and for an ε that is 0 or infinite as the framework stores it.
[[nodiscard]] EQUIPOISE_API ForeignBatchNorm export_batch_norm(const BatchNorm& layer,
                                                               Framework framework);

}  // namespace equipoise
