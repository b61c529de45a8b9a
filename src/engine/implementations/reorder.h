#pragma once

#include "engine/implementation.h"

namespace equipoise::engine {

/// x, as it is, to another format; or why that cannot be.
Answer reorder(const NodeContext& node, const Format& to);
/// To the layout of images between convolutions.
Answer reorder_preferred(const NodeContext& node);

}  // namespace equipoise::engine
