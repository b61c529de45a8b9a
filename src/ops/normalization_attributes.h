#pragma once

#include <string_view>
#include <vector>

#include "ops/normalization.h"

namespace equipoise {

/// "batch_norm"
std::string_view to_string(NormKind kind);

/// As dumps show them: those of the kind that differ from their defaults.
std::vector<Attribute> attributes_of(const NormAttributes& norm);

}  // namespace equipoise
