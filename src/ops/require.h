#pragma once

#include <string_view>

#include "graph/operation.h"

namespace equipoise {

/// Throws Error unless the input is f32 and has this shape, which is that of `of`: "x", "one per
/// channel of x".
void require_shape(std::string_view name, const TensorType& type, const GraphShape& shape,
                   std::string_view of);

/// Throws Error unless the input is f32 and has one element, known without the batch size.
void require_scalar(std::string_view name, const TensorType& type);

/// Throws Error unless an attribute is finite and at least 0.
void require_not_negative(std::string_view name, double value);

/// Throws Error unless the input is what a node leaves for its gradient.
void require_record(std::string_view name, const TensorType& type);

}  // namespace equipoise
