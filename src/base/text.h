#pragma once

#include <span>
#include <string>
#include <string_view>

namespace equipoise {

/// "; did you mean 'resnet18', 'resnet34'?", or nothing where no name comes near (by edit distance,
/// or by a common beginning).
std::string did_you_mean(std::string_view name, std::span<const std::string_view> names);

/// Whether the whole of a text matches a pattern of `*` (any characters) and `?` (one).
bool matches_pattern(std::string_view text, std::string_view pattern);

}  // namespace equipoise
