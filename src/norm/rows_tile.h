#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/row_chunks.h"
#include "norm/rows.h"

namespace equipoise::norm {

/// Threads that are worth their while.
int threads_for(const RowChunks& chunks, DType dtype);

/// Whether `out` is better written past the cache: it is not written over `in`, and by the time
/// somebody reads it, it would have left the cache of the core that wrote it. Then a store reads
/// its line from memory first (34 GB/s instead of 54).
bool streams(const TensorView& out, const ConstTensorView& in);

/// What the record knows of a chunk of rows.
void describe(RowsTile& tile, const RowChunks& chunks, const RowChunks::Chunk& chunk,
              const NormRecord::State& state);

/// Into dbias and dweight, as far as they are wanted.
void write_parameter_gradient(const NormBackward& out, std::int64_t parameter,
                              const GradientSums& sums);

}  // namespace equipoise::norm
