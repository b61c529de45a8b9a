#include "checks.h"

#include <algorithm>
#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/did_you_mean.h"

namespace equipoise::program {
namespace {

/// Of the whole text.
template <class Number>
std::optional<Number> parse(std::string_view text) {
  Number value = 0;
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, value);
  return error == std::errc() && stopped == end ? std::optional(value) : std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_count(std::string_view text) {
  const auto value = parse<std::int64_t>(text);
  return value && *value >= 1 ? value : std::nullopt;
}

std::optional<std::int64_t> parse_whole_number(std::string_view text) {
  const auto value = parse<std::int64_t>(text);
  return value && *value >= 0 ? value : std::nullopt;
}

CLI::Validator count() {
  return {[](std::string& text) {
            return parse_count(text) ? "" : fmt::format("'{}' is not a whole number ≥ 1", text);
          },
          ""};
}

CLI::Validator whole_number() {
  return {[](std::string& text) {
            return parse_whole_number(text) ? ""
                                            : fmt::format("'{}' is not a whole number ≥ 0", text);
          },
          ""};
}

CLI::Validator positive() {
  return {[](std::string& text) {
            const double value = parse<double>(text).value_or(0);
            if (!(value > 0)) return fmt::format("'{}' is not a number > 0", text);
            using Limits = std::numeric_limits<float>;
            if (value > Limits::max()) return fmt::format("'{}' is infinite in f32", text);
            if (value < Limits::denorm_min()) return fmt::format("'{}' is 0 in f32", text);
            return std::string();
          },
          ""};
}

CLI::Validator number_between(double least, double most) {
  return {[least, most](std::string& text) {
            const auto value = parse<double>(text);
            return value && *value >= least && *value <= most
                       ? ""
                       : fmt::format("'{}' is not a number from {:g} to {:g}", text, least, most);
          },
          ""};
}

CLI::Validator below_one() {
  return {[](std::string& text) {
            const auto value = parse<double>(text);
            return value && *value >= 0 && static_cast<float>(*value) < 1
                       ? ""
                       : fmt::format("'{}' is not a number from 0 to below 1", text);
          },
          ""};
}

CLI::Validator one_of(std::vector<std::string> words) {
  return {[words = std::move(words)](std::string& text) {
            if (std::ranges::find(words, text) != words.end()) return std::string();
            const std::vector<std::string_view> names(words.begin(), words.end());
            return fmt::format("'{}' is none of {}{}", text, fmt::join(words, ", "),
                               did_you_mean(text, names));
          },
          ""};
}

}  // namespace equipoise::program
