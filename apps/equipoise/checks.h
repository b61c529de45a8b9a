#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include <CLI/CLI.hpp>

namespace equipoise::program {

/// A whole number ≥ 1; none if the text is something else.
std::optional<std::int64_t> parse_count(std::string_view text);

/// The same as a check of an option.
CLI::Validator count();

/// One ≥ 0.
CLI::Validator whole_number();

/// A finite number > 0.
CLI::Validator positive();

/// A number between these, both included.
CLI::Validator number_between(double least, double most);

}  // namespace equipoise::program
