#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/row_chunks.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Few long rows: cut into strips of columns, which threads share. Each strip goes through all rows
/// for their sums, and again when the rows' statistics or sums are known; it sums its columns over
/// all rows by itself.
void forward_strips(const RowChunks& chunks, const NormForward& arguments, NormRecord::State& state,
                    Workspace::Arena& arena);
/// The second of them alone.
void repeat_strips(const RowChunks& chunks, const NormForward& arguments,
                   const NormRecord::State& state, Workspace::Arena& arena);
void backward_strips(const RowChunks& chunks, const NormBackward& arguments,
                     const NormRecord::State& state, Workspace::Arena& arena);

}  // namespace equipoise::norm
