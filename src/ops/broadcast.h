#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "equipoise/graph.h"
#include "graph/differentiate.h"
#include "graph/operation.h"

namespace equipoise {

/// The dimensions that both broadcast to, as NumPy does: aligned at the last one, each pair is
/// equal or one of it is 1. None if they do not fit.
std::optional<std::vector<std::int64_t>> broadcast(std::span<const std::int64_t> a,
                                                   std::span<const std::int64_t> b);

/// The same for two inputs of a node. Throws Error, naming them, if they do not fit, or if N would
/// not be the first dimension.
GraphShape broadcast(std::string_view a_name, const GraphShape& a, std::string_view b_name,
                     const GraphShape& b);

/// Whether a tensor of shape `from` can stand where one of shape `to` is expected.
bool broadcasts_to(const GraphShape& from, const GraphShape& to);

/// For each element of `to`, the element of `from` that it reads: their places in row-major order.
std::vector<std::int64_t> broadcast_offsets(const Shape& from, const Shape& to);

/// For gradients of broadcast inputs: sets that of an input to `gradient`, summed over the
/// dimensions along which the input was repeated.
void set_summed(GradientWriter& writer, int input, std::string_view suffix, TensorId gradient);

}  // namespace equipoise
