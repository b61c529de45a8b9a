#pragma once

#include "equipoise/tensor.h"
#include "stress/reference.h"

namespace equipoise::bench {

/// The library's batch norm of the problem, with the tensors in `layout`.
Solution our_batch_norm(const Problem& problem, Layout layout);

}  // namespace equipoise::bench
