#pragma once

#include <optional>
#include <string_view>

#include "equipoise/operations.h"

namespace equipoise {

/// "hard_swish"
std::string_view to_string(ops::Function function);

/// f(x) in f64; a NaN stays one. The slope is that of kLeakyRelu.
double value_of(ops::Function function, double x, double negative_slope);

/// f′(x). Where it jumps, that of the side on which f is constant, or for kLeakyRelu the slope, as
/// PyTorch does.
double derivative_of(ops::Function function, double x, double negative_slope);

/// The function that a normalization applies; not of kNone.
ops::Function function_of(Activation activation);
/// The other way round; none if no normalization applies it.
std::optional<Activation> activation_of(ops::Function function);

/// As above; kNone is the identity.
double value_of(Activation activation, double z, double negative_slope);
double derivative_of(Activation activation, double z, double negative_slope);

}  // namespace equipoise
