#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

#include "engine/implementation.h"

namespace equipoise::engine {

/// An activation (N, C, …) as it lies in memory, in any layout: [planes][positions][lanes]. A plane
/// holds one channel of one sample (channels_first: one lane), a block of channels, or all of them
/// (channels_last). What is done to each position is one loop over lanes, whatever the layout.
struct Planes {
  std::int64_t planes;
  std::int64_t positions;
  std::int64_t lanes;

  std::int64_t plane_size() const { return positions * lanes; }
};
Planes planes_of(const Shape& shape, Layout layout);

/// The format in which an input lies if it is in a layout of activations, else row-major.
Format activation_format(const NodeContext& node, int input);

/// The same for a gradient of images of which the node does not see x: a dy that is row-major comes
/// from behind the images (flattened), and dx goes in between them.
Format gradient_format(const NodeContext& node, int input);

/// A proposal with all inputs and outputs in one format.
Proposal in_layout(const NodeContext& node, const Format& format,
                   std::unique_ptr<const Kernel> kernel);

/// Calls visit(first lane, count) for runs of lanes; the count is a constant of the compiler, which
/// makes vectors of a loop over it.
template <class Visit>
void for_each_run(std::int64_t first, std::int64_t last, const Visit& visit) {
  for (; first + 16 <= last; first += 16) visit(first, std::integral_constant<int, 16>());
  for (; first + 8 <= last; first += 8) visit(first, std::integral_constant<int, 8>());
  for (; first < last; ++first) visit(first, std::integral_constant<int, 1>());
}

}  // namespace equipoise::engine
