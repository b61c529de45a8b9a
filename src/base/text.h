#pragma once

#include <string_view>

#include "equipoise/did_you_mean.h"

namespace equipoise {

/// Whether the whole of a text matches a pattern of `*` (any characters) and `?` (one).
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace equipoise
