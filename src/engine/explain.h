#pragma once

#include <string>

#include "engine/plan.h"

namespace equipoise::engine {

/// A plan as text: passes, then per step what it computes, by which implementation, in which
/// layout, of how many bytes, and why others declined.
std::string explain(const Plan& plan);

/// "blocked16 → row-major", the formats of the first input and output.
std::string formats_of(const Plan& plan, const Node& node);

}  // namespace equipoise::engine
