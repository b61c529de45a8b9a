#pragma once

#include <cstdint>

#include "equipoise/tensor.h"
#include "norm/walk.h"

namespace equipoise::norm {

/// Whether `out` is better written past the cache: it is not written over `in`, and by the time
/// somebody reads it, it would have left the cache of the core that wrote it. Then a store reads
/// its line from memory first (34 GB/s instead of 54).
bool streams(const TensorView& out, const ConstTensorView& in);

/// `Tile::kept_lanes` of a tile that ends with block l.
const std::uint32_t* kept_lanes(const Walk& walk, std::int64_t l);

}  // namespace equipoise::norm
