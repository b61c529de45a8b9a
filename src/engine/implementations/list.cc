#include <algorithm>

#include "engine/implementations/implementations.h"
#include "engine/implementations/reorder.h"

namespace equipoise::engine {
namespace {

constexpr Implementation kAll[] = {
    {"convolution", "onednn", convolution_preferred},
    {"convolution", "onednn channels_last", convolution_channels_last},
    {"convolution", "onednn row-major", convolution_row_major},
    {"convolution_data_gradient", "onednn", convolution_data_gradient_preferred},
    {"convolution_data_gradient", "onednn channels_last", convolution_data_gradient_channels_last},
    {"convolution_data_gradient", "onednn row-major", convolution_data_gradient_row_major},
    {"convolution_weight_gradient", "depthwise", depthwise_weight_gradient},
    {"convolution_weight_gradient", "onednn", convolution_weight_gradient_preferred},
    {"convolution_weight_gradient", "onednn channels_last",
     convolution_weight_gradient_channels_last},
    {"convolution_weight_gradient", "onednn row-major", convolution_weight_gradient_row_major},
    {"linear", "onednn", linear},
    {"linear_data_gradient", "onednn", linear_data_gradient},
    {"linear_weight_gradient", "onednn", linear_weight_gradient},
    {"matmul", "onednn", matmul},
    {"fold_norm", "flat", fold_norm},
    {"reorder", "onednn", reorder_preferred},
    {"batch_norm", "norm", norm},
    {"instance_norm", "norm", norm},
    {"group_norm", "norm", norm},
    {"layer_norm", "norm", norm},
    {"rms_norm", "norm", norm},
    {"batch_norm_gradient", "norm", norm_gradient},
    {"instance_norm_gradient", "norm", norm_gradient},
    {"group_norm_gradient", "norm", norm_gradient},
    {"layer_norm_gradient", "norm", norm_gradient},
    {"rms_norm_gradient", "norm", norm_gradient},
    {"batch_norm_repeat", "norm", norm_repeat},
    {"instance_norm_repeat", "norm", norm_repeat},
    {"group_norm_repeat", "norm", norm_repeat},
    {"layer_norm_repeat", "norm", norm_repeat},
    {"rms_norm_repeat", "norm", norm_repeat},
    {"activate", "simd", activate},
    {"activate_gradient", "simd", activate_gradient},
    {"add", "simd", add},
    {"multiply", "simd", multiply},
    {"sum", "simd", sum},
    {"sum_to", "simd", sum_to},
    {"multiply_sum_to", "simd", sum_to},
    {"scale_shift", "planes", scale_shift},
    {"concatenate", "copy", concatenate},
    {"pad", "copy", pad},
    {"reshape", "copy", reshape},
    {"slice", "copy", slice},
    {"transpose", "copy", transpose},
    {"max_pool", "planes", max_pool},
    {"max_pool_gradient", "planes", max_pool_gradient},
    {"average_pool", "planes", average_pool},
    {"average_pool_gradient", "planes", average_pool_gradient},
    {"global_average_pool", "planes", global_average_pool},
    {"global_average_pool_gradient", "planes", global_average_pool_gradient},
    {"softmax", "rows", softmax},
    {"softmax_gradient", "rows", softmax_gradient},
    {"log_softmax", "rows", log_softmax},
    {"log_softmax_gradient", "rows", log_softmax_gradient},
    {"masked_mean", "rows", masked_mean},
    {"masked_mean_gradient", "rows", masked_mean_gradient},
    {"cross_entropy", "rows", cross_entropy},
    {"cross_entropy_gradient", "rows", cross_entropy_gradient},
    {"mean_squared_error", "flat", mean_squared_error},
    {"mean_squared_error_gradient", "flat", mean_squared_error_gradient},
    {"embedding", "rows", embedding},
    {"embedding_gradient", "columns", embedding_gradient},
    {"dropout", "planes", dropout},
    {"stochastic_depth", "flat", stochastic_depth},
    {"gradient_norm", "flat", gradient_norm},
    {"average_update", "flat", average_update},
    {"adamw_update", "flat", adamw_update},
    {"sgd_update", "flat", sgd_update},
};

}  // namespace

std::vector<const Implementation*> implementations_of(std::string_view operation) {
  static constexpr Implementation kReference = {"", "reference", reference};
  std::vector<const Implementation*> found;
  for (const Implementation& implementation : kAll) {
    if (implementation.operation == operation) found.push_back(&implementation);
  }
  found.push_back(&kReference);
  return found;
}

std::vector<std::string_view> implemented_operations() {
  std::vector<std::string_view> operations;
  for (const Implementation& implementation : kAll) {
    if (std::ranges::find(operations, implementation.operation) == operations.end()) {
      operations.push_back(implementation.operation);
    }
  }
  return operations;
}

}  // namespace equipoise::engine
