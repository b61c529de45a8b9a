#pragma once

#include <cstdint>
#include <string_view>

#include "equipoise/graph.h"
#include "equipoise/operations.h"
#include "graph/operation.h"

namespace equipoise {

/// How a window moves over an image: what convolution and pooling have in common.
struct Window {
  ops::Pair kernel = {1, 1};
  ops::Pair stride = {1, 1};
  ops::Edges padding = {};
  ops::Pair dilation = {1, 1};
};

/// (N, channels, H′, W′), the places that the window takes on x (N, C, H, W):
/// H′ = ⌊(H + top + bottom − dilation·(kernel − 1) − 1) / stride⌋ + 1, and W′ likewise.
/// Throws Error for options that are out of range and a window that does not fit.
GraphShape window_output(const GraphShape& x, const Window& window, std::int64_t channels);

/// Throws Error unless an input is (N, C, H, W) in f32.
void require_image(std::string_view name, const TensorType& type);

/// Throws Error unless dy has the shape y that x leads to.
void require_output_gradient(const TensorType& dy, const GraphShape& x, const GraphShape& y);

}  // namespace equipoise
