#pragma once

#include "engine/implementation.h"

namespace equipoise::engine {

// Each says how it would run the node, or why not. Those of oneDNN come in one version per layout.

Answer convolution_preferred(const NodeContext& node);
Answer convolution_channels_last(const NodeContext& node);
Answer convolution_row_major(const NodeContext& node);
Answer convolution_data_gradient_preferred(const NodeContext& node);
Answer convolution_data_gradient_channels_last(const NodeContext& node);
Answer convolution_data_gradient_row_major(const NodeContext& node);
Answer convolution_weight_gradient_preferred(const NodeContext& node);
Answer convolution_weight_gradient_channels_last(const NodeContext& node);
Answer convolution_weight_gradient_row_major(const NodeContext& node);
Answer depthwise_weight_gradient(const NodeContext& node);

Answer linear(const NodeContext& node);
Answer linear_data_gradient(const NodeContext& node);
Answer linear_weight_gradient(const NodeContext& node);
Answer matmul(const NodeContext& node);

Answer fold_norm(const NodeContext& node);
Answer norm(const NodeContext& node);
Answer norm_gradient(const NodeContext& node);
Answer norm_repeat(const NodeContext& node);

Answer activate(const NodeContext& node);
Answer activate_gradient(const NodeContext& node);

Answer add(const NodeContext& node);
Answer average_pool(const NodeContext& node);
Answer average_pool_gradient(const NodeContext& node);
Answer multiply(const NodeContext& node);
Answer sum(const NodeContext& node);
Answer scale_shift(const NodeContext& node);
Answer sum_to(const NodeContext& node);
Answer concatenate(const NodeContext& node);
Answer global_average_pool(const NodeContext& node);
Answer global_average_pool_gradient(const NodeContext& node);
Answer log_softmax(const NodeContext& node);
Answer log_softmax_gradient(const NodeContext& node);
Answer masked_mean(const NodeContext& node);
Answer masked_mean_gradient(const NodeContext& node);
Answer max_pool(const NodeContext& node);
Answer max_pool_gradient(const NodeContext& node);
Answer pad(const NodeContext& node);
Answer reshape(const NodeContext& node);
Answer slice(const NodeContext& node);
Answer softmax(const NodeContext& node);
Answer softmax_gradient(const NodeContext& node);
Answer transpose(const NodeContext& node);

Answer cross_entropy(const NodeContext& node);
Answer cross_entropy_gradient(const NodeContext& node);
Answer mean_squared_error(const NodeContext& node);
Answer mean_squared_error_gradient(const NodeContext& node);
Answer embedding(const NodeContext& node);
Answer embedding_gradient(const NodeContext& node);
Answer dropout(const NodeContext& node);
Answer stochastic_depth(const NodeContext& node);
Answer gradient_norm(const NodeContext& node);
Answer adamw_update(const NodeContext& node);
Answer average_update(const NodeContext& node);
Answer sgd_update(const NodeContext& node);

/// In f64, by the operation's own textbook.
Answer reference(const NodeContext& node);

}  // namespace equipoise::engine
