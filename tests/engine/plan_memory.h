#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "engine/plan.h"

namespace equipoise::testing {

/// Walks through a plan's steps with an arena in which every 64 bytes know whose value they hold,
/// and says where a step would read or give back what another has overwritten, or write where it
/// still reads: "step 7 'conv2': input 'relu1' was overwritten". Knows nothing of how places were
/// found.
std::vector<std::string> overwritten(const engine::Plan& plan);

/// The largest number of bytes of intermediate results that are alive at one step, scratch
/// included.
std::size_t largest_live_bytes(const engine::Plan& plan);

}  // namespace equipoise::testing
