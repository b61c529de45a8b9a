#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "equipoise/layers.h"
#include "equipoise/norm.h"
#include "equipoise/tensor.h"

namespace equipoise::norm {

// What several layers ask of their configuration and input. All throw Error, starting with the
// layer's name.

/// The channels.
std::int64_t require_channels(const std::string& layer, std::int64_t channels);

void require_channels(const std::string& layer, std::int64_t channels, const ConstTensorView& x);

/// Elements of the shape.
std::int64_t require_normalized_shape(const std::string& layer, std::span<const std::int64_t> shape,
                                      NormalizedOver over);
void require_normalized_shape(const std::string& layer, std::span<const std::int64_t> shape,
                              NormalizedOver over, const ConstTensorView& x);

/// `name`: what the count is called where it comes from.
void require_batch_count(const std::string& layer, std::string_view name, std::int64_t count);

/// What the functions of norm.h call it.
LayerAxes layer_axes(std::span<const std::int64_t> normalized_shape, NormalizedOver over);

}  // namespace equipoise::norm
