#pragma once

#include <span>
#include <string>
#include <string_view>

#include "equipoise/export.h"

namespace equipoise {

/// "; did you mean 'resnet18', 'resnet34'?" for the end of an error about a name that is none of
/// these; nothing where no name comes near (by edit distance, or by a common beginning).
/// Thread-safe.
[[nodiscard]] EQUIPOISE_API std::string did_you_mean(std::string_view name,
                                                     std::span<const std::string_view> names);

}  // namespace equipoise
