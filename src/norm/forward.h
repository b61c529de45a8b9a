#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/walk.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Normalizes with the groups of `state.partition`; arguments have been checked, and `state`
/// describes the call. `options` matter where samples share statistics (batch normalization), else
/// the default ones are passed.
void forward(const NormForward& arguments, const BatchNormOptions& options,
             NormRecord::State& state, Workspace::Arena& arena);

/// Whether a tensor is too large to stay in the cache for whoever reads it next.
bool beyond_cache(const TensorView& out);

/// Zeroes the lanes of block l's padding channels in a tile.
void zero_padding(const Walk& walk, const TileRange& tile, std::int64_t l, void* data, DType dtype);

}  // namespace equipoise::norm
