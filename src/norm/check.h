#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "equipoise/norm.h"
#include "norm/record.h"

namespace equipoise::norm {

/// Elements that weight and bias have: one per channel, or per normalized element.
struct Parameters {
  std::int64_t count = 0;
  std::string_view per;
};
Parameters per_channel(const Shape& shape);
/// Of a normalization over axes; checks them.
Parameters checked_axes(std::string_view what, const Shape& shape, LayerAxes axes);

/// These throw Error if arguments do not fit; `what` is the function, for the message.
void check_tensor(std::string_view what, std::string_view name, const ConstTensorView& view);
void check_like(std::string_view what, std::string_view name, const ConstTensorView& view,
                const ConstTensorView& x);
/// Of a tensor that may be none.
void check_optional(std::string_view what, std::string_view name, const ConstTensorView& view,
                    const ConstTensorView& x);
void check_parameter(std::string_view what, std::string_view name, std::span<const float> values,
                     const Parameters& parameters);
void check_position_weights(std::string_view what, std::span<const float> weights,
                            const Shape& shape);
void check_forward(std::string_view what, const NormForward& arguments,
                   const Parameters& parameters);
void check_options(const BatchNormOptions& options, const NormForward& arguments);
void check_repeat(const NormForward& arguments, const NormRecord::State& state);
void check_backward(const NormBackward& arguments, const NormRecord::State& state);
/// That what `moments` writes is none of what it reads.
void check_moments_apart(std::span<const Moments> out, const ConstTensorView& x,
                         std::span<const float> position_weights);

/// Whether a derivative is formed from z and a residual was part of z: then, and only then, the
/// backward reads it.
bool backward_reads_residual(const NormRecord::State& state);

}  // namespace equipoise::norm
