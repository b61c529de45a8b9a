#pragma once

#include <vector>

#include "ops/normalization.h"

namespace equipoise {

/// As dumps show them: those of the kind that differ from their defaults.
std::vector<Attribute> attributes_of(const NormAttributes& norm);

}  // namespace equipoise
