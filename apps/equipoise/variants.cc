#include "variants.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include <CLI/CLI.hpp>
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "equipoise/error.h"

namespace equipoise::program {
namespace {

[[noreturn]] void fail(const std::string& what) { throw CLI::ValidationError("--vary", what); }

std::vector<std::string_view> split(std::string_view text, char at) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t end = text.find(at);
    parts.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + 1);
  }
}

void check_key(std::string_view key, std::span<const std::string_view> keys) {
  const std::vector<Setting> given = {{.key = std::string(key), .values = {}}};
  try {
    check_keys(given, keys, "--vary");
  } catch (const Error& error) {
    throw CLI::ValidationError(error.what());
  }
}

/// "none+lr=0.05" of norm: norm = none, lr = 0.05. A '+' that no key and value follow is part
/// of the value.
std::vector<Setting> settings_of(std::string_view key, std::string_view value,
                                 std::span<const std::string_view> keys) {
  std::vector<Setting> settings = {{.key = std::string(key), .values = {""}}};
  bool is_first = true;
  for (const std::string_view part : split(value, '+')) {
    const std::size_t equals = part.find('=');
    const std::string_view name = part.substr(0, equals);
    // A path may have both signs.
    const bool brings_key =
        !is_first && equals != std::string_view::npos && name.find('/') == std::string_view::npos;
    if (brings_key) {
      check_key(name, keys);
      if (std::ranges::find(settings, name, &Setting::key) != settings.end()) {
        fail(fmt::format("'{}' sets '{}' twice", value, name));
      }
      settings.push_back(
          {.key = std::string(name), .values = {std::string(part.substr(equals + 1))}});
    } else {
      settings.back().values[0] += (is_first ? "" : "+") + std::string(part);
    }
    is_first = false;
  }
  return settings;
}

}  // namespace

std::vector<Variant> parse_variants(std::string_view text, std::span<const std::string_view> keys) {
  const std::size_t equals = text.find('=');
  if (equals == std::string_view::npos) {
    fail(fmt::format("'{}' is not KEY=VALUE,VALUE,…, such as norm=batch,group", text));
  }
  const std::string_view key = text.substr(0, equals);
  check_key(key, keys);
  std::vector<Variant> variants;
  for (const std::string_view value : split(text.substr(equals + 1), ',')) {
    Variant variant{.name = {}, .settings = settings_of(key, value, keys)};
    std::vector<std::string> names;
    for (const Setting& setting : variant.settings) {
      if (setting.values[0].empty()) fail(fmt::format("a value of '{}' is empty", setting.key));
      names.push_back(fmt::format("{}={}", setting.key, setting.values[0]));
    }
    variant.name = fmt::format("{}", fmt::join(names, " "));
    if (std::ranges::find(variants, variant.name, &Variant::name) != variants.end()) {
      fail(fmt::format("'{}' comes twice", value));
    }
    variants.push_back(std::move(variant));
  }
  if (variants.size() < 2) {
    fail(fmt::format("'{}' has one value, and there is nothing to compare it with", text));
  }
  return variants;
}

std::vector<Setting> merged(std::vector<Setting> settings, std::span<const Setting> others) {
  for (const Setting& other : others) {
    const auto found = std::ranges::find(settings, other.key, &Setting::key);
    if (found != settings.end()) {
      *found = other;
    } else {
      settings.push_back(other);
    }
  }
  return settings;
}

}  // namespace equipoise::program
