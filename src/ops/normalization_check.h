#pragma once

#include "ops/normalization.h"

namespace equipoise {

/// The shape of γ and β. Throws Error for an x that cannot be normalized so, and for attributes
/// that are out of range or exclude each other.
GraphShape check_normalization(const NormAttributes& norm, const TensorType& x);

/// Throws Error unless running averages are there if they are needed, of one value per channel.
void check_running(const NormAttributes& norm, const TensorType& x, const TensorType* running_mean,
                   const TensorType* running_var);

/// Throws Error unless there is one weight per position of x, of a normalization that takes them.
void check_position_weights(const NormAttributes& norm, const TensorType& x,
                            const TensorType& position_weights);

}  // namespace equipoise
