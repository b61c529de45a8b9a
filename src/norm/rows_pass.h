#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// Whether the record's normalization is done row by row (see rows.h): layer and RMS normalization
/// always, group normalization where planes are small.
bool goes_by_rows(const NormRecord::State& state);

/// Sizes the record's results; to be called before `forward_rows`.
void prepare_rows(NormRecord::State& state);

void forward_rows(const NormForward& arguments, NormRecord::State& state, Workspace::Arena& arena);
/// y of `forward_rows` once more.
void repeat_rows(const NormForward& arguments, const NormRecord::State& state,
                 Workspace::Arena& arena);
void backward_rows(const NormBackward& arguments, const NormRecord::State& state,
                   Workspace::Arena& arena);

}  // namespace equipoise::norm
