#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// y of the `forward` that filled `state`, once more; arguments have been checked.
void repeat(const NormForward& arguments, const NormRecord::State& state, Workspace::Arena& arena);

}  // namespace equipoise::norm
