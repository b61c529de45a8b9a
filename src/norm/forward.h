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

}  // namespace equipoise::norm
