#pragma once

#include "equipoise/norm.h"
#include "norm/record.h"
#include "norm/workspace.h"

namespace equipoise::norm {

/// The gradient of `forward`; arguments have been checked.
void backward(const NormBackward& arguments, const NormRecord::State& state,
              Workspace::Arena& arena);

}  // namespace equipoise::norm
