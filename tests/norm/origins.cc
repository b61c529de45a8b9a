#include "norm/origins.h"

#include <algorithm>
#include <optional>

#include <gtest/gtest.h>

namespace equipoise::testing {

std::vector<ForeignArray> arrays(const char* weight, const char* bias, const char* mean,
                                 const char* var) {
  return {{weight, {1.5F, -0.3F, 0.7F}},
          {bias, {0.1F, 0.0F, -2.0F}},
          {mean, {0.25F, -1.0F, 100.0F}},
          {var, {1.7F, 1e-12F, 42.0F}}};
}

const std::vector<float>& values_of(const ForeignBatchNorm& layer, std::string_view name) {
  static const std::vector<float> kNone;
  for (const ForeignArray& array : layer.arrays) {
    if (array.name == name) return array.values;
  }
  ADD_FAILURE() << "no array " << name;
  return kNone;
}

std::vector<Origin> origins() {
  std::vector<Origin> all;
  // torch/nn/modules/batchnorm.py and ATen/native/Normalization.cpp
  all.push_back({.name = "PyTorch",
                 .layer = {.framework = Framework::kPyTorch,
                           .epsilon = 1e-5,
                           .momentum = 0.1,
                           .num_batches_tracked = 7,
                           .arrays = arrays("weight", "bias", "running_mean", "running_var")},
                 .update = [](Running& running, const ChannelOfBatch& batch, int) {
                   const double momentum = 0.1;
                   const double unbiased_var = batch.sum_of_squares() / (batch.n() - 1);
                   running.mean = momentum * batch.mean() + (1 - momentum) * running.mean;
                   running.var = momentum * unbiased_var + (1 - momentum) * running.var;
                 }});
  // The same with momentum=None.
  all.push_back({.name = "PyTorchCumulative",
                 .layer = {.framework = Framework::kPyTorch,
                           .epsilon = 1e-5,
                           .momentum = std::nullopt,
                           .num_batches_tracked = 4,
                           .arrays = arrays("weight", "bias", "running_mean", "running_var")},
                 .update = [](Running& running, const ChannelOfBatch& batch, int step) {
                   const int num_batches_tracked = 4 + step + 1;
                   const double factor = 1.0 / num_batches_tracked;
                   const double unbiased_var = batch.sum_of_squares() / (batch.n() - 1);
                   running.mean = factor * batch.mean() + (1 - factor) * running.mean;
                   running.var = factor * unbiased_var + (1 - factor) * running.var;
                 }});
  // keras/src/layers/normalization/batch_normalization.py
  all.push_back({.name = "Keras",
                 .layer = {.framework = Framework::kKeras,
                           .epsilon = 1e-3,
                           .momentum = 0.99,
                           .arrays = arrays("gamma", "beta", "moving_mean", "moving_variance")},
                 .update = [](Running& moving, const ChannelOfBatch& batch, int) {
                   const double momentum = 0.99;
                   const double variance = batch.sum_of_squares() / batch.n();
                   moving.mean = moving.mean * momentum + batch.mean() * (1.0 - momentum);
                   moving.var = moving.var * momentum + variance * (1.0 - momentum);
                 }});
  // tensorflow/core/kernels/fused_batch_norm_op.cc, with exponential_avg_factor = 1 − momentum
  all.push_back({.name = "TfKerasFused",
                 .layer = {.framework = Framework::kTfKerasFused,
                           .epsilon = 1e-3,
                           .momentum = 0.99,
                           .arrays = arrays("gamma", "beta", "moving_mean", "moving_variance")},
                 .update = [](Running& moving, const ChannelOfBatch& batch, int) {
                   const double exponential_avg_factor = 1 - 0.99;
                   const double rest_size_adjust = batch.n() / (batch.n() - 1);
                   const double batch_variance = batch.sum_of_squares() / batch.n();
                   moving.mean = (1 - exponential_avg_factor) * moving.mean +
                                 exponential_avg_factor * batch.mean();
                   moving.var = (1 - exponential_avg_factor) * moving.var +
                                (exponential_avg_factor * rest_size_adjust) * batch_variance;
                 }});
  // flax/linen/normalization.py
  all.push_back({.name = "Flax",
                 .layer = {.framework = Framework::kFlax,
                           .epsilon = 1e-5,
                           .momentum = 0.9,
                           .arrays = arrays("scale", "bias", "mean", "var")},
                 .update = [](Running& ra, const ChannelOfBatch& batch, int) {
                   const double momentum = 0.9;
                   const double var = batch.sum_of_squares() / batch.n();
                   ra.mean = momentum * ra.mean + (1 - momentum) * batch.mean();
                   ra.var = momentum * ra.var + (1 - momentum) * var;
                 }});
  // The operator's specification, version 15; its attributes are f32.
  all.push_back({.name = "Onnx",
                 .layer = {.framework = Framework::kOnnx,
                           .epsilon = static_cast<double>(1e-5F),
                           .momentum = static_cast<double>(0.8F),
                           .arrays = arrays("scale", "B", "input_mean", "input_var")},
                 .update = [](Running& input, const ChannelOfBatch& batch, int) {
                   const double momentum = static_cast<double>(0.8F);
                   const double current_var = batch.sum_of_squares() / batch.n();
                   input.mean = input.mean * momentum + batch.mean() * (1 - momentum);
                   input.var = input.var * momentum + current_var * (1 - momentum);
                 }});
  // dlib/dnn/layers.h, bn_::forward, and dlib/cuda/cpu_dlib.cpp
  all.push_back({.name = "Dlib",
                 .layer = {.framework = Framework::kDlib,
                           .epsilon = 1e-4,
                           .window = 3,
                           .num_batches_tracked = 1,
                           .arrays = arrays("gamma", "beta", "running_means", "running_variances")},
                 .update = [](Running& running, const ChannelOfBatch& batch, int step) {
                   const double num_updates = std::min(1 + step, 3);
                   const double decay = 1.0 - num_updates / (num_updates + 1.0);
                   const double scale = batch.n() / (batch.n() - 1.0);
                   const double actual_var = batch.sum_of_squares() / batch.n();
                   running.mean = (1 - decay) * running.mean + decay * batch.mean();
                   running.var = (1 - decay) * running.var + scale * decay * actual_var;
                 }});
  return all;
}

}  // namespace equipoise::testing
