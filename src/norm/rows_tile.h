#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/row_chunks.h"
#include "norm/rows.h"

namespace equipoise::norm {

/// Threads that are worth their while.
int threads_for(const RowChunks& chunks, DType dtype);

/// What the record knows of a chunk of rows.
void describe(RowsTile& tile, const RowChunks& chunks, const RowChunks::Chunk& chunk,
              const NormRecord::State& state);

}  // namespace equipoise::norm
