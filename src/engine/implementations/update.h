#pragma once

#include <algorithm>
#include <cstdint>
#include <memory>

#include "engine/format.h"
#include "engine/implementation.h"
#include "engine/implementations/planes.h"

namespace equipoise::engine {

/// Elements [first, last) of what a kernel updates in place; a copy of the input in inference,
/// where the output has memory of its own. Null where it is absent.
inline float* updated_part(const Arguments& arguments, int input, int output, std::int64_t first,
                           std::int64_t last) {
  float* const to = arguments.output(output);
  if (to == nullptr) return nullptr;
  const float* const from = arguments.input(input);
  if (from != to) std::copy(from + first, from + last, to + first);
  return to + first;
}

/// Of an optional input of one element.
inline float number_or(const Arguments& arguments, int input, float by_default) {
  const float* const number = arguments.input(input);
  return number == nullptr ? by_default : *number;
}

/// All tensors in the format of input 0, the parameter; make(elements) gives the kernel.
template <class Make>
Proposal in_format_of_parameter(const NodeContext& node, const Make& make) {
  const Format& format = node.format(0);
  const std::size_t bytes = bytes_of(format, node.input(0), DType::kF32);
  return in_layout(node, format, make(static_cast<std::int64_t>(bytes / sizeof(float))));
}

}  // namespace equipoise::engine
