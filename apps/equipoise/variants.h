#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "equipoise/run.h"

namespace equipoise::program {

/// One of several trainings that are compared.
struct Variant {
  /// "norm=none lr=0.05"
  std::string name;
  /// In which it differs from the others; the first one is of the key that varies.
  std::vector<Setting> settings;
};

/// Reads KEY=VALUE,VALUE,…. A value may bring settings of its own along: "norm=batch,none+lr=0.05".
/// Throws CLI::ValidationError for fewer than two values, a value or a key of one that comes twice,
/// and keys that are none of these.
std::vector<Variant> parse_variants(std::string_view text, std::span<const std::string_view> keys);

/// Settings with those of a variant in place of their own.
std::vector<Setting> merged(std::vector<Setting> settings, std::span<const Setting> others);

}  // namespace equipoise::program
