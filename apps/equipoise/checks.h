#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <CLI/CLI.hpp>

namespace equipoise::program {

/// A whole number ≥ 1; none if the text is something else.
std::optional<std::int64_t> parse_count(std::string_view text);

/// One ≥ 0.
std::optional<std::int64_t> parse_whole_number(std::string_view text);

/// The same as checks of an option.
CLI::Validator count();
CLI::Validator whole_number();

/// A finite number > 0 that is one in f32 too.
CLI::Validator positive();

/// A number between these, both included.
CLI::Validator number_between(double least, double most);

/// One ≥ 0 that is below 1 in f32 too.
CLI::Validator below_one();

/// One of these words; for another, the nearest is named.
CLI::Validator one_of(std::vector<std::string> words);

}  // namespace equipoise::program
