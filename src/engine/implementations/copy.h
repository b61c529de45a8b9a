#pragma once

#include <optional>
#include <vector>

#include "engine/implementation.h"
#include "engine/nest.h"

namespace equipoise::engine {

/// Copies parts of inputs to parts of an output, each through a nest of y (operand 0) and x (1).
struct CopyPlan {
  struct Part {
    int input;
    Nest nest;
  };
  std::vector<Part> parts;
  Shape y;
  Layout layout = Layout::kChannelsFirst;  ///< of y
  /// What is where no part writes; none if they cover y but for the padding of its last block.
  std::optional<float> fill = std::nullopt;
  int threads = 1;
};

/// A region of both tensors, of equal rank and in one layout, from given indices on. Channels are
/// taken in blocks: REQUIRES first ones that begin a block, and ends that end one or their tensor.
struct Region {
  Shape size;
  std::array<std::int64_t, Shape::kMaxRank> first_in_x = {};
  std::array<std::int64_t, Shape::kMaxRank> first_in_y = {};
};
void add_region(CopyPlan& plan, int input, const Shape& x, const Region& region);

/// Of inputs in these formats. One that would copy a tensor as it lies is an alias, unless the
/// tensor is the caller's or a parameter: what a run gives back is not to change with those.
Proposal copy(const NodeContext& node, std::vector<Format> inputs, CopyPlan plan);

/// The format of images that a copy or an elementwise operation keeps: that of input i, row-major
/// if it is one of oneDNN's for weights.
Format kept_format(const NodeContext& node, int i);

}  // namespace equipoise::engine
